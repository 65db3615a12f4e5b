"""Prints one line for each test of regrtest's XML results: its name and how it ended."""
import sys
import xml.etree.ElementTree as ElementTree

for case in sorted(ElementTree.parse(sys.argv[1]).iter('testcase'), key=lambda one: one.get('name')):
    children = [child.tag for child in case if child.tag in ('failure', 'error', 'skipped')]
    print(case.get('name'), *(children or ['ok']))
