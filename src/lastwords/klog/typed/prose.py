"""What only texts about crashes have: sentences, markup, code, the headers of mails and commits."""

import re

# Words that hold sentences together. The kernel's messages do with few of them.
_JOINING = frozenset(
    """a an the this that these those there here it its is are was were be been being am i you your we our us my he she
    they them their his her who what which whose how why and or but nor so if then than because since when while until
    unless although though of in on at to from with without by for as into onto about after before between during
    through can could may might must shall should will would do does did has have had having no not yes please thanks
    also only just very too again still already always never often some any each every all both more most such other
    same like""".split()  # noqa: SIM905
)
_WORD = re.compile(r"[A-Za-z']{1,24}")
_SENTENCE_ENDS = re.compile(r"[a-z)\"'\u201d]{2,}[.?](?:\s|$)")
_MANY = 3
_SOME = 2
_LONGEST = 400
"""Characters of a line that are looked at."""

_OF_DOCUMENTS = re.compile(
    r"""(?ix:
    (?:from|to|cc|subject|date|message-id|in-reply-to|reply-to|sent):\ \S.{2}   # a mail
    | on\ .{4,100}\ wrote:$ | -----\ ?original\ message
    | (?:commit|author|merge|tag|fixes|closes|link|signed-off-by|reported-by|reviewed-by|acked-by|tested-by):?\ [0-9a-f]{7,40}\b
    | (?:author|signed-off-by|reported-by|reviewed-by|acked-by|tested-by):\ \S
    | [0-9a-f]{7,12}\ \S.{0,20}[a-z]{3}           # git log --oneline
    | diff\ --git\ | @@\ -\d | (?:\+\+\+|---)\ [ab]/
    | \#{1,6}\ ?[a-z!] | ```|~~~ | \.\.\ \S | :\w{2,16}: | [*+•-]\ {1,3}\S | \d{1,3}[.)]\ {1,3}[a-z"'`(] | \|.{0,200}\|\s*$
    | [-~^"*_]{4,}\s*$ | \[\w{1,20}\]:?\ https?:
    | \.(?:TH|SH|PP|TP|IP|BR|B|I)\b | \\f[BIR]
    | <!|</?(?:p|br|a|div|span|li|ul|ol|h\d|pre|code|html|body|head|td|tr|table|title|b|i|em)\b
    | (?:user\ )?\$\ \S | \S{1,40}@\S{1,40}[:~].{0,60}[\#$]\ | >{1,4}(?:\ |$)
    | //|/\*|\*/|\*\s|\#\s?(?:include|define|if|endif|!)|(?:static|struct|int|void|return|if|while|for|def|class|import|from)\b.{0,200}[;{:(]\s*$
    )"""
)
"""How lines of mails, commits, markup, shell sessions and code begin."""
_ANYWHERE = re.compile(
    r"https?://|www\.|printk\(|pr_\w{1,8}\(|panic\(|\.\*|\\[dsw(\[.]|\[\^|`|\);\s*$|[;{}]\s*$|&&|==|\w\s=\s\w|\"\s?[,:]|\b[a-z]\w*\(\)"
)
"""What stands anywhere in lines of code, patterns and hypertext."""


def of_a_document(text: str) -> bool:
    """Whether a line is one of a mail, a commit, a manual, a program: nothing that a screen with a crash shows."""
    text = text.strip()[:_LONGEST]
    return _OF_DOCUMENTS.match(text) is not None or _ANYWHERE.search(text) is not None


def sentence(text: str) -> bool:
    """Whether a line is (a part of) a sentence."""
    joining = joints(text)
    return joining >= _MANY or (joining >= _SOME and _SENTENCE_ENDS.search(text[:_LONGEST]) is not None)


def joints(text: str) -> int:
    """How many words of a text are there to hold a sentence together."""
    return sum(word.lower() in _JOINING for word in _WORD.findall(text[:_LONGEST]))


def words(text: str) -> int:
    """How many words a text has."""
    return len(_WORD.findall(text[:_LONGEST]))
