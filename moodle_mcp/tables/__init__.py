"""Tables of items as spreadsheets write them; pure.

`reader` cuts a text into columns and rows, `items` makes a function's items of the rows. Both say
of everything where it stands in the file.
"""
