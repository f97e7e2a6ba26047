"""Objects in a folder and on a real S3 server (SeaweedFS)."""
