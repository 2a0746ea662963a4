"""exports: the books as files: what a row is and where it comes from, how a file is written, and the export itself.

Every column says its meaning and its SQL in one place; docs/exporting.md tells the same to people.
"""
