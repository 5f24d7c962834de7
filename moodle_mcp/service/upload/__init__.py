"""Accounts from a table with the columns of Moodle's page "Upload users".

`columns` reads the header, `people` the rows; `running` makes the calls in order and says of each
row what became of it; `tool` is the tool `upload_users`.
"""
