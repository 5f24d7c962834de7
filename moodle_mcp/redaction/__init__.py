"""Removes secrets from values and texts; pure.

`names` decides by its name whether a value is a secret. `known` finds secrets whose text is known
(the token, the passwords in a call's arguments), also in encoded forms. `values` applies both to
whole values. `arguments` finds the secrets among a call's arguments.
"""
