"""Imports: files of apps, read and judged row by row first, carried out when told to. What a file leaves out stays.

`reading` is the dry run, `applying` carries out; `judging` says what becomes of one app, `merging` what a file leaves
unsaid.
"""
