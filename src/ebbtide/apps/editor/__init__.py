"""Jobs as people see and change them: the list, a job's page, the editor with its preview."""
