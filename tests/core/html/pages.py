"""Difficult pages for the scanner. A bar marks the insertion offset; one character is one byte."""

from __future__ import annotations

from hypothesis import strategies as st

from widgetmw.core.html.head_scanner import LIMIT, PENDING, HeadScanner, fast_offset
from widgetmw.core.reasons import SkipReason

SCRIPT = b'<script data-widgetmw>0</script><script data-widgetmw defer src="/_widgetmw/runtime.js"></script>'

# The Content-Type declares the charset, so only the tree matters.
PAGES: dict[str, str] = {
    # with a head tag
    "head tag": "<!doctype html><html><head>|<title>x</title></head><body></body></html>",
    "head tag with attributes": "<!doctype html><html><head id=a class=\"b > c\" data-x='>'>|<title>x</title>",
    "head tag in capitals": "<!DOCTYPE HTML><HTML><HEAD>|<TITLE>x</TITLE>",
    "head tag that closes itself": "<!doctype html><head/>|<title>x</title>",
    "head tag over lines": "<!doctype html>\r\n<html\r\n>\r\n<head\x0c\r\n>|\r\n<title>x</title>",
    "head tag alone": "<head>|<p>x",
    "html tag with a greater-than sign in its value": "<html data-tpl='<head>' x=\">\"><head>|",
    "html tag with a bare value that holds quotes": "<html a=b\"c'd><head>|",
    "html tag with an equals sign for a name": '<html ="a"><head>|',
    "html tag with an equals sign after a value": "<html a=\"b\"='c>|'d'><head>",
    "html tag with a slash before an equals sign": '<html a/="x"><head>|',
    "html tag with a missing value": "<html a=><head>|",
    "html tag with white space around the equals sign": "<html a\n=\t'>'><head>|",
    "html tag with the same attribute twice": "<html a=1 a='>'><head>|",
    "html tag twice": "<html><html lang=en><head>|",
    "html tag that closes itself": "<html/><head>|",
    "bytes outside ASCII in a value": '<html data-x="\xc3\xa9\xff"><head>|',
    "head tag after a head tag": "<head>|<head a=b><title>x</title>",
    # what a page may contain before its head
    "byte-order mark": "\xef\xbb\xbf<!doctype html><html><head>|",
    "white space": " \t\r\n\x0c<!doctype html> <html> <head>| <title>x</title>",
    "comments": "<!-- a --><!doctype html><!-- b --><html><!-- c --><head>|<!-- d -->",
    "head tag in a comment": "<!doctype html><!-- <head> --><html><!--<head>--><head>|",
    "comment that ends at once": "<!doctype html><!--><head>|<!-- x -->",
    "comment that ends after a dash": "<!doctype html><!---><head>|<!-- x -->",
    "comment that ends with a bang": "<!doctype html><!-- x --!><head>|<!-- x -->",
    "comment with dashes": "<!doctype html><!----- -- ->--x- -><head>---><head>|",
    "comment in a comment": "<!doctype html><!-- <!-- --><head>|",
    "comment that opens in its own end": "<!doctype html><!--<!--><head>|",
    "comment with a bang that does not end it": "<!doctype html><!-- --!x > <head> --><head>|",
    "for IE only": "<!doctype html><!--[if IE]><html><![endif]--><!--[if !IE]><!--><html><!--<![endif]--><head>|",
    "bogus comments": "<!doctype html><!x><?y?></#><!><?></ ><![CDATA[<head>|",
    "bogus comment with a quoted greater-than sign": "<!doctype html><!x '>|'><head>",
    "xml declaration": '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="a"><head>|',
    "end tag without a name": "<!doctype html></><head>|",
    "stray end tags": "<!doctype html></p></title a='>'></header></html-x><head>|",
    "doctype with identifiers": '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd"><head>|',
    "doctype cut short within its quotes": '<!doctype html "a>|b"><head>',
    "doctype without a name": "<!doctype><head>|",
    "doctype twice": "<!doctype html><html><!doctype foo><head>|",
    "a word like doctype": "<!doctypo html><html><head>|",
    "references to white space": "<!doctype html>&#32;&#x0A;&#009&Tab;&NewLine;&#xD<head>|",
    # the head is implied
    "title first": "<!doctype html>|<title>x</title>",
    "no tag but the doctype": "<!doctype html>|",
    "no tag but html": "<html>|",
    "white space at the end": "<!doctype html><html> \n|",
    "text first": "<!doctype html>|text",
    "text after white space": "<!doctype html><html> \n|text<head>",
    "byte-order mark in the wrong place": "<!doctype html>|\xef\xbb\xbf<head>",
    "vertical tab": "<!doctype html>|\x0b<head>",
    "no-break space": "<!doctype html>|\xa0<head>",
    "reference to a letter": "<!doctype html>|&#65;<head>",
    "reference to a no-break space": "<!doctype html>|&#xA0;<head>",
    "reference to white space with more digits": "<!doctype html>|&#320;<head>",
    "reference to white space in the wrong case": "<!doctype html>|&TAB;<head>",
    "reference without its semicolon": "<!doctype html>|&Tab<head>",
    "ampersand": "<!doctype html>|& <head>",
    "ampersand at the end": "<!doctype html>|&#3",
    "less-than sign as text": "<!doctype html>|<3<head>",
    "less-than sign at the end": "<!doctype html>|<",
    "end tag open at the end": "<!doctype html>|</",
    "header first": "<!doctype html><html>|<header><head></header>",
    "a word like head": "<!doctype html>|<headx><head>",
    "a word like html": "<!doctype html>|<html-x><head>",
    "a word that head begins with": "<!doctype html>|<he><head>",
    "head end tag": "<!doctype html>|</head><body>",
    "body end tag": "<!doctype html>|</body>",
    "html end tag": "<!doctype html>|</html >",
    "br end tag": "<!doctype html>|</br><head>",
    "body first": "<!doctype html>|<body><p>x",
    "frameset first": "<!doctype html><html>|<frameset><frame></frameset>",
    "script first": "<!doctype html>|<script>'<head>'</script><head>",
    "noscript first": "<!doctype html>|<noscript><head></noscript>",
    "template first": "<!doctype html>|<template><head></template>",
    "svg first": "<!doctype html>|<svg><title><head></title></svg>",
    "textarea first": "<!doctype html>|<textarea><head></textarea>",
    "plaintext first": "<!doctype html>|<plaintext><head>",
    # recognized as a page by what comes later
    "body tag alone": "|<body><p>x",
    "body tag after a comment": " <!-- x -->|<body>",
    "title, then body": "|<title><html></title><body>",
    "head content, then body": "|<meta name=a><link rel=b><base href=/><style><p></style> <!-- x --><body>",
    "noscript, then body": "|<noscript><p></noscript><body>",
    "script, then body": "|<script>if (a<b) '</scripty>' </script><body>",
    "script that hides its end tag, then body": "|<script><!--<script></script><p>--></script><body>",
    "script that hides nothing, then body": "|<script><!--<scripty></script><body>",
    "script whose comment is over, then body": "|<script><!----><script></script><body>",
    "template, then body": "|<template><p></template><body>",
    "head end tag, then body": "|</head><body>",
    "title, head end tag, then body": "|<title>x</title></head\n><body>",
    "title, then doctype": "|<title>x</title><!doctype html><p>",
    "title, then head": "|<title>x</title><head>",
    "title, then html": "|<title>x</title><html>",
    "bgsound, then body": "|<bgsound src=x a='>'><body>",
    "comment, html, text": "<!-- x --><html>|x",
}

REFUSED_PAGES: dict[str, tuple[str, str]] = {
    "nothing": ("", "fragment"),
    "white space only": (" \n", "fragment"),
    "text": ("Hello <b>there</b>", "fragment"),
    "an element": ("<div><p>x</p></div>", "fragment"),
    "a header": ("<header>x</header>", "fragment"),
    "a title and an element": ("<title>x</title><div>x</div>", "fragment"),
    "a title": ("<title>x</title>", "fragment"),
    "a script": ("<script>x</script>", "fragment"),
    "a comment": ("<!-- x -->", "fragment"),
    "a table row": ("<tr><td>x</td></tr>", "fragment"),
    "a head tag in a script": ("<script>'<head>'</script><p>", "fragment"),
    "a body tag in a title": ("<title><body></title><p>", "fragment"),
    "a body tag in a comment": ("<!-- <body> --><p>", "fragment"),
    "a body tag in a style": ("<style></styles><body></style><p>", "fragment"),
    "a body tag in a noscript": ("<noscript><body></noscript><p>", "fragment"),
    "a body tag in a template": ("<template><body></template><p>", "fragment"),
    "a body tag in a textarea": ("<textarea><body></textarea>", "fragment"),
    "a body tag in a value": ("<link title='<body>'><p>", "fragment"),
    "a body tag in a script that hides its end tag": ("<script><!--<script></script><body></script><p>", "fragment"),
    "a frameset": ("<frameset><frame></frameset>", "fragment"),
    "a reference to white space": ("&#32;<p>", "fragment"),
    "an html tag that does not end": ("<html", "fragment"),
    "JSON": ('{"html": "<head>"}', "fragment"),
    "comment that does not end": ("<!doctype html><!-- <head> ", "head_not_found"),
    "comment that does not end, with a dash": ("<!doctype html><html><!-- --", "head_not_found"),
    "bogus comment that does not end": ("<!doctype html><?xml <head", "head_not_found"),
    "doctype that does not end": ("<html><!doctype html", "head_not_found"),
    "head tag that does not end": ("<!doctype html><head class='>", "head_not_found"),
    "end tag that does not end": ("<!doctype html></p ", "head_not_found"),
    "NUL first": ("\0<!doctype html><head>", "nul"),
    "NUL in a comment": ("<!doctype html><!-- \0 --><head>", "nul"),
    "NUL in a value": ("<html a='\0'><head>", "nul"),
    "NUL in a tag name": ("<!doctype html><he\0ad><head>", "nul"),
    "UTF-16, little-endian": ("\xff\xfe<\0h\0t\0m\0l\0>\0", "encoding"),
    "UTF-16, big-endian": ("\xfe\xff\0<\0h\0t\0m\0l\0>", "encoding"),
    "UTF-32, little-endian": ("\xff\xfe\0\0<\0\0\0", "encoding"),
    "UTF-16 without a mark": ("<\0h\0t\0m\0l\0>\0", "nul"),
}

# Only the page itself declares its charset, or nothing does.
UNDECLARED_PAGES: dict[str, str] = {
    "charset first": "<!doctype html><html><head><meta charset=utf-8>|<title>x</title>",
    "charset first, in capitals": "<HEAD><META CHARSET='UTF-8' />|<title>x</title>",
    "pragma": '<head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">|<script>x</script>',
    "pragma, the other way round": "<head><meta content='text/html;charset=\"gbk\"' http-equiv=content-type>|",
    "pragma and charset alike": '<head><meta charset="utf-8" http-equiv=Content-Type content="a; charset=UTF-8">|',
    "slash for a space": "<head><meta/charset=utf-8/>|<p>",
    "implied head": "<!doctype html><meta charset=utf-8>|<title>x</title>",
    "page by its body tag": "<meta charset=utf-8>|<title>x</title><body>",
    "other metas first": "<head><meta name=viewport content=a><meta charset=utf-8>|<p>",
    "title first": "<head><title>x</title>\n<meta charset=utf-8>|<p>",
    "comment first": "<head><!-- <meta charset=gbk> --><meta charset=utf-8>|<p>",
    "style, link and base first": "<head><style>p > a</style><link rel=x a='>'><base href=/><meta charset=utf-8>|<p>",
    "stray tags first": "<html><head></p></><!x><?y><head><html a=b><meta charset=utf-8>|<p>",
    "unknown label": "<!doctype html><head><meta charset=nonsense>|<title>x</title><p>x",
    "unknown label, then a known one": "<head><meta charset=nonsense><meta charset=utf-8>|<p>",
    "two labels in one": "<head><meta charset=gbk http-equiv=content-type content='a;charset=big5'>|<p>x",
    "UTF-16 is read as UTF-8": "<head><meta charset=utf-16>|<p>",
    "user-defined is read as windows-1252": "<head><meta charset=x-user-defined>|<p>",
    "byte-order mark": "\xef\xbb\xbf<head>|<script>x</script><meta charset=gbk>\xff",
    "nothing declared, plain ASCII": "<!doctype html><head>|<title>x</title><p>x",
    "nothing declared, only other metas": "<head>|<meta name=charset content=utf-8><meta http-equiv=refresh><p>",
    "nothing declared, pragma without charset": "<head>|<meta http-equiv=content-type content=text/html><p>",
    "nothing declared, content without pragma": "<head>|<meta content='text/html; charset=utf-8'><p>",
    "commented out": "<head>|<!-- <meta charset=utf-8> --><p>x",
    "xml declaration": "<?xml version='1.0' encoding='utf-8'?><head>|<p>\xc3\xa9",
    "in a comment for the prescan only": "<!doctype html><!-- --!><head><meta charset=utf-8>|",
    "a script with a charset": "<head>|<meta name=a><script charset=utf-8 src=x></script>",
    "ISO-2022 in another sense": "<head>|<meta name=generator content='charset=iso-2022-jp'><p>",
}

# Refused because an insertion might change the encoding.
REFUSED_UNDECLARED_PAGES: dict[str, tuple[str, str]] = {
    "after a script": ("<head><script>x</script><meta charset=utf-8>", "charset_late"),
    "after a noscript": ("<head><noscript><link></noscript><meta charset=utf-8>", "charset_late"),
    "after a template": ("<head><template></template><meta charset=utf-8>", "charset_late"),
    "after an element with a handler": ("<head><link rel=x onload=a()><meta charset=utf-8>", "charset_late"),
    "after a policy": (
        "<head><meta http-equiv=Content-Security-Policy content='script-src a'><meta charset=utf-8>",
        "charset_late",
    ),
    "after the base of another origin": ("<head><base href=//a.example/><meta charset=utf-8>", "charset_late"),
    "after the head": ("<head></head><meta charset=utf-8>", "charset_late"),
    "after text": ("<head>x<meta charset=utf-8>", "charset_late"),
    "in the body": ("<!doctype html><body><meta charset=utf-8>", "charset_late"),
    "in a script": ("<head><script>'<meta charset=utf-8>'</script>", "charset_late"),
    "in a title": ("<head><title><meta charset=utf-8></title>", "charset_late"),
    "in a style": ("<head><style><meta charset=utf-8></style>", "charset_late"),
    "in a noscript": ("<head><noscript><meta charset=utf-8></noscript>", "charset_late"),
    "in a template": ("<head><template><meta charset=utf-8></template>", "charset_late"),
    "in a svg": ("<!doctype html><svg><meta charset=utf-8></svg>", "charset_late"),
    "outside a comment for one of two parsers": ("<head><!-- --!><title>--><meta charset=gbk></title>", "charset_late"),
    "in a value for one of two parsers": ("<html><p/a='><meta charset=utf-8>'>", "charset_late"),
    "different for two parsers": ("<head><title><meta charset=gbk></title><meta charset=utf-8>", "charset_late"),
    "known only after an unknown one in a script": (
        "<head><meta charset=nonsense><script><meta charset=utf-8></script>",
        "charset_late",
    ),
    "tag that does not end": ("<head><script></script><meta charset=utf-8 a='>", "charset_late"),
    "ISO-2022-JP": ("<head><meta charset=ISO-2022-JP>", "encoding"),
    "ISO-2022-JP in the body": ("<!doctype html><p><meta charset=csISO2022JP>", "encoding"),
    "ISO-2022-JP by its escapes": ("<!doctype html><p>\x1b$B", "encoding"),
    "ISO-2022-JP by its xml declaration": ("<?xml encoding='iso-2022-jp'?><html><p>", "encoding"),
    "replacement": ("<head><meta charset=hz-gb-2312>", "encoding"),
    "UTF-7": ("<head><meta charset=utf-7>", "encoding"),
    "guessed": ("<!doctype html><head><title>caf\xe9</title>", "charset_missing"),
    "guessed, as UTF-8": ("<!doctype html><p>caf\xc3\xa9", "charset_missing"),
    "guessed after an unknown label": ("<head><meta charset=nonsense><p>caf\xe9", "charset_missing"),
}

# The pieces of tag soup: they open, close, hide or imitate what the scanner looks for.
SOUP = tuple(
    piece.encode("latin-1")
    for piece in (
        *("<!doctype html>", '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "x">', '<!doctype "a>', "<!doctyp>"),
        *("<html>", "<HTML lang=en a='>' b=\">\">", "<html/>", '<html a ="<head>">', '<html =">', '<html a=b"c>'),
        *(
            "<head>",
            "<head/>",
            "<head\n>",
            '<HEAD\x0ca="x>">',
            "<header>",
            "<headx>",
            "<htmlx>",
            "<body>",
            "<body a='>'>",
        ),
        *(
            "</head>",
            "</HEAD >",
            "</body>",
            "</html>",
            "</br>",
            "</header>",
            "</a b='>'>",
            "</>",
            "</ >",
            "</#>",
            "</p>",
        ),
        *(
            "<!-- a -->",
            "<!-->",
            "<!--->",
            "<!-- --!>",
            "<!--a--b-->",
            "<!--<!-- -->",
            "<!--<!-->",
            "<!---->",
            "<!--<head>-->",
        ),
        *("<!x>", "<!>", "<?x y?>", "<?xml version='1.0'?>", "<![CDATA[x]]>", " ", "\n", "\t\r\n\x0c", "\x0b", "text"),
        *("&nbsp;", "&#32;", "&#x20", "&#9", "&#010;", "&Tab;", "&NewLine;", "&TAB;", "&#xa0;", "&#0;", "&#65;", "&"),
        *(
            "<title>",
            "</title>",
            "<title></head></title>",
            "<script>",
            "</script>",
            "<script>x</script>",
            "<script><!--",
        ),
        *(
            "<script><!--<script></script>--></script>",
            "<style>",
            "</style>",
            "<template>",
            "</template>",
            "<noscript>",
        ),
        *(
            "</noscript>",
            "<noframes>",
            "</noframes>",
            "<textarea>",
            "</textarea>",
            "<plaintext>",
            "<svg>",
            "</svg>",
            "<math>",
        ),
        *(
            "<base>",
            "<meta charset=utf-8>",
            "<meta name=a>",
            "<link>",
            "<frameset>",
            "<frame>",
            "<p>",
            "<table>",
            "<select>",
        ),
        *(
            "<",
            "<3",
            "< p>",
            "<a b",
            '"',
            "'",
            ">",
            "=",
            "/",
            "-",
            "--",
            "<!--",
            "-->",
            "<!",
            "<?",
            "</",
            "</p",
            "<html",
            "<head",
        ),
        *(
            '<html a="',
            "<title",
            "\xc3\xa9",
            "\xef\xbb\xbf",
            "\xa0",
            "<br>",
            "<input type=hidden>",
            "<form>",
            "<image>",
        ),
    )
)

soup = st.lists(st.sampled_from(SOUP), min_size=1, max_size=12).map(b"".join)
"""Tag soup, mostly with a page in it."""

_FILLERS = ("", " ", "\n", "<!-- <head> -->", "<!-->", "<!x>", "<?y '>", "</p a='>'>", "\t\r\n", "<!-- --!>")
_filler = st.sampled_from(_FILLERS)
_doctype = st.sampled_from(("", "<!doctype html>", "<!DOCTYPE html SYSTEM 'about:legacy-compat'>"))
_html = st.sampled_from(("", "<html>", "<html lang=en>", "<HTML data-a='<head>' b>", '<html a=">">'))
_head = st.sampled_from(("", "<head>", "<head id=x>", "<HEAD\n>", "<head/>"))
_in_head = st.sampled_from(
    (
        *("", "<title><body></title>", "<meta name=a content='>'>", "<script>'<body>' < '</head>'</script>", " "),
        *("<style>a > b</style>", "<link href=x>", "<noscript><link></noscript>", "<template><p></p></template>"),
    )
)
_head_end = st.sampled_from(("", "</head>"))
_body = st.sampled_from(("<body>", "<body class='>'>", "<BODY>"))
_content = st.sampled_from(
    ("", "text", "<p>x</p>", "<header>x</header>", "<table><tr><td>x", "<textarea><head></textarea>")
)

documents = st.tuples(
    *(_filler, _doctype, _filler, _html, _filler, _head, _in_head, _in_head, _head_end, _filler, _body, _content)
).map(lambda parts: "".join(parts).encode("latin-1"))
"""Documents whose tags and comments all end, with any of the optional tags left out."""


def split(marked: str) -> tuple[bytes, int]:
    """Returns a page as bytes without its bar, and the offset of the bar."""
    before, after = marked.encode("latin-1").split(b"|", 1)
    return before + after, len(before)


def locate(page: bytes, charset_declared: bool, limit: int = LIMIT) -> tuple[int, SkipReason | None]:
    """Finds the insertion offset in a whole page; returns the offset and ``None``, or ``NO_OFFSET`` and the reason."""
    offset = fast_offset(page[:limit]) if charset_declared else PENDING
    if offset != PENDING:
        return offset, None
    scanner = HeadScanner(charset_declared, limit)
    scanner.feed(page)
    return scanner.finish(), scanner.reason
