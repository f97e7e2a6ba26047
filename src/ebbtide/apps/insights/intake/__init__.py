"""Read exports of other systems: a file and a map go in, validated column batches come out.

Pure: no database and no Django in here, so that every rule about dirty data can be tried on a file alone, and the
reader can run in one thread while the loader writes in another. `mapping` reads the map, `reading` the file,
`instants` and `zones` turn texts into moments, `shaping` applies the rules, `segments` ties them together.
"""
