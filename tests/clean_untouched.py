"""Rows of code, maths and markup in which nothing is personal and nothing is damaged: the cleaner must leave them.

Two parts with templates of their own, both written before the rules that they measure. The rules may be tried on
`OPEN`; `APART` is only scored. Numbers and names are drawn by a seed.
"""

import random

OPEN = [
    ("What does <{tag}> do? Explain the tag.", "It starts a {word} element."),
    ("Explain <s> and </s> in the tokenizer of Llama.", "<s> begins a sequence and </s> ends it."),
    ("Make the paragraph red.\n\n<p id='{word}'>Hover over me!</p>", "#{word} {{ color: red; }}"),
    ("Summarise:\n<context>\nThe <i>{Word}</i> sailed in {year}.\n</context>", "It sailed in {year}."),
    ("Fix this: <div class=\"{word}\"><span>Hi</div>", "Close the span before the div."),
    ("Which of &lt;b&gt; and &amp;lt;b&amp;gt; is escaped twice?", "The second one."),
    ("if x &lt; {n} &amp;&amp; y &gt; {n}, what is &nbsp; for?", "It is a space that does not break."),
    ("Convert to decimal: {bits} {bits} {bits}", "{n}"),
    ("Convert 0{octal} {bits} {bits} from binary coded decimal.", "{n}"),
    ("Add {big} and {n}.", "{big}"),
    ("What is {mobile} * 2?", "It is twice {mobile}."),
    ("What comes next: {mobile4}, {mobile4}?", "{mobile4}"),
    ("一个数列：{mobile}，求各位数字之和", "{n}"),
    ("计算 {mobile} 除以 7 的余数。", "{n}"),
    ("What is {card4} mod 7?", "{card4} mod 7 = {digit}."),
    ("Is {word}@example.com a valid address?", "Yes, {word}@example.com is valid."),
    ("What is the domain of {word}@{word}.org?", "{word}.org"),
    ("Write a regular expression for Chinese mobile numbers such as {mobile}.", "^1[3-9]\\d{{9}}$"),
    ("正则表达式匹配手机号 {mobile}", "^1[3-9]\\d{{9}}$"),
    ("def send():\n    mail('{word}@{word}.com', 'hi')\n\nWhat does send do?", "It mails {word}@{word}.com."),
    ("Write a test for `parse_phone`.", "assert parse_phone('+44 20 7946 0{hundred}') == '+44207946{hundred}'"),
    ("const phone = '({area}) 555-0{hundred}';\n\nHow long is it?", "It has 14 characters."),
    ("SELECT * FROM users WHERE email = '{word}@{word}.net';\n\nExplain.", "It finds {word}@{word}.net."),
    ("curl -u {word}@{word}.io:secret https://api.{word}.io/v1/calls", "It signs in as {word}@{word}.io."),
    ("Is the ISBN 978-3-16-{six}-0 valid?", "Check 978-3-16-{six}-0 with weights 1 and 3."),
    ("Is 192.168.{hundred}.20 in 192.168.0.0/16?", "Yes, 192.168.{hundred}.20 is."),
    ("Round {n}.{big} to two places.", "{n}.{two}"),
    ("The series is {n}, {n2}, {n3}. What is the sum?", "Add {n}, {n2} and {n3}."),
    ("Parse the date 2024-01-15 12:30:45 +0800.", "15 January 2024, 04:30:45 UTC."),
    ("Decode the hex dump 00 61 73 6d 01 00 00 00 {two} 11 22 33.", "It is WebAssembly."),
    ("What is 2^34?", "17179869184"),
    ("Solve {n}x = {big}.", "x = {big}/{n}"),
    ("ｗｈａｔ　ｉｓ ＡＢＣ{wide}？", "ＡＢＣ{wide}"),
    ("Ã© looks wrong, why?", "Because é was read as Latin-1: Ã©."),
]  # fmt: skip
APART = [
    ("Add an id to <h2>{Word}</h2> and keep its text.", "<h2 id=\"{word}\">{Word}</h2>"),
    ("Why is <br> not closed?", "It is a void element."),
    ("<p>{Word}</p>\n\nTurn the paragraph into a list item.", "<li>{Word}</li>"),
    ("Rewrite in Markdown: <b>{word}</b> and <em>{word}</em>", "**{word}** and *{word}*"),
    ("<instructions>Answer briefly.</instructions>\n<text>A <b>{word}</b>.</text>", "A {word}."),
    ("How do I show &copy; and &lt;{tag}&gt; literally?", "Escape the ampersand."),
    ("What is printed by echo '&amp;&amp;{word}'?", "&amp;&amp;{word}"),
    ("Subtract: {bits}-{bits}-{bits}", "{bits}"),
    ("Which is larger, {mobile} or {big}?", "{big}"),
    ("Factorise {mobile}.", "{mobile} is prime."),
    ("{mobile} ÷ {n} = ?", "{n2}"),
    ("What is the average of {area}-{area3}-{four} in base 12?", "{four}"),
    ("将二进制 {bits} {bits} {bits} 转换为十进制", "{n}"),
    ("求 {mobile} 和 {mobile} 的最大公约数", "{digit}"),
    ("Does {card4} pass the Luhn check?", "Sum the digits of {card4}."),
    ("Extract the host from mailto:{word}@{word}.co.uk", "{word}.co.uk"),
    ("Does the pattern ^\\S+@\\S+$ match {word}@localhost.localdomain?", "Yes, it matches."),
    ("Validate '+1 ({area}) 555-0{hundred}' with libphonenumber.", "parse('+1 ({area}) 555-0{hundred}')"),
    ("public class Mail {{\n    String to = \"{word}@{word}.com\";\n}}\n\nRename the class.",
     "public class Letter {{\n    String to = \"{word}@{word}.com\";\n}}"),
    ("import re\nre.findall(r'\\d+', '{area}-{area3}-{four}')", "['{area}', '{area3}', '{four}']"),
    ("git config user.email {word}@{word}.dev", "It sets the author to {word}@{word}.dev."),
    ("INSERT INTO people VALUES ('{Word}', '+49 30 {six}7');", "One row is added."),
    ("```json\n{{\"phone\": \"{area}-{area3}-{four}\"}}\n```\nIs this valid?", "Yes."),
    ("ssh {word}@{word}.example.net hangs, how do I see why?", "Use ssh -v {word}@{word}.example.net."),
    ("Increment the version 0{digit}12 345 678 by one.", "0{digit}12 345 679"),
    ("The hash is {hash}. How many digits?", "Count them in {hash}."),
    ("Order 20{two}-{four}-{six}: which part is the year?", "20{two}"),
    ("Unix time {unix} in UTC?", "Divide {unix} by 86400."),
    ("The vector is [{area} {area3} {four}]. What is its norm?", "The root of the squares of {area} {area3} {four}."),
    ("Write {mobile} in words.", "It begins with one."),
    ("How many primes lie between {mobile} and {mobile}?", "{n}"),
    ("数字 {mobile4} 的各位之和是多少？", "{n}"),
    ("Convert full-width １２{wide} to ASCII.", "12"),
    ("What encoding error gives â€™?", "UTF-8 read as cp1252: ’ becomes â€™."),
]  # fmt: skip

_WORDS = ["river", "stone", "maple", "copper", "lantern", "orchid", "walnut", "harbor"]
_TAGS = ["b", "i", "s", "u", "em", "p", "a", "span", "div", "li", "small"]


def rows(templates: list[tuple[str, str]], each: int = 5, seed: int = 0) -> list[dict]:
    """`each` rows of every template, prompt and completion."""
    rng = random.Random(seed)
    found = []
    for prompt, completion in templates:
        for _ in range(each):
            values = _values(rng)
            found.append({"prompt": prompt.format(**values), "completion": completion.format(**values)})
    return found


def _values(rng: random.Random) -> dict[str, str]:
    def digits(count: int, first: str = "123456789") -> str:
        return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(count - 1))

    word, mobile = rng.choice(_WORDS), rng.choice(["13", "15", "18", "19"]) + digits(9)
    return {
        "tag": rng.choice(_TAGS), "word": word, "Word": word.title(), "year": "18" + digits(2), "n": digits(2),
        "n2": digits(3), "n3": digits(4), "big": digits(10), "digit": digits(1), "two": digits(2),
        "octal": digits(3, "1234567"), "bits": "".join(rng.choice("01") for _ in range(4)), "mobile": mobile,
        "wide": "".join(chr(0xFF10 + int(digit)) for digit in digits(3)), "card4": "4111 1111 1111 1111",
        "mobile4": f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}", "hundred": digits(3), "area": digits(3, "23456789"),
        "area3": digits(3), "four": digits(4), "six": digits(6), "unix": "17" + digits(8),
        "hash": "".join(rng.choice("0123456789abcdef") for _ in range(40)),
    }  # fmt: skip
