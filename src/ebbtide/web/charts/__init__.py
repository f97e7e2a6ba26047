"""Drawing of charts: pure, typed, without Django; each function turns numbers into frozen shapes a template draws.

Across, everything is in percent of the plot's width; down, in pixels. So a chart takes whatever width its place has
and its words stay as large as all others: nothing is scaled, on a wide screen or on a telephone.
"""
