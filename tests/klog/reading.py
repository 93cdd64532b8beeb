"""Short ways to read a text in a test."""

from textwrap import dedent

from lastwords.klog import sieve
from lastwords.klog.body import read_body
from lastwords.klog.draft import Draft
from lastwords.klog.inputs import recognise
from lastwords.klog.oopses import find_oopses
from lastwords.model import Oops, Record


def records(text: str) -> list[Record]:
    data = dedent(text).lstrip("\n").encode()
    return recognise(data).records(data)


def oopses(text: str) -> list[Oops]:
    found = records(text)
    return find_oopses(found, sieve.candidates(found))


def body(text: str, *, headless: bool = False, unwoven: bool = False) -> Draft:
    result = Draft(headless=headless, unwoven=unwoven)
    read_body(records(text), result)
    return result
