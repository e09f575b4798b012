"""What a sentence is, in English and in Chinese: somebody's fault, a question about the matter, or good news."""

import re
from collections.abc import Iterable

ASKS = re.compile(
    r"^\W*(?:(?:hi|hello|hey|so|and|also|please|sorry|quick question|question|just wondering)\W+)*"
    r"(?:how (?:do|does|can|could|should|to|would|many|much|large|big|long|often)\b|what(?:s| is| are| does| do| should"
    r"| would| happens| if| kind| rank)\b|explain\b|tell me\b)"
)
ASKS_IF_MARKED = re.compile(r"^\W*(?:which|where|when|who|is|are|can|could|should|do|does|will|would|may|any)\b")
ASKS_CHINESE = re.compile(
    r"什么是|什么意思|啥意思|(?:如何|怎么|怎样)(?!办|解决|处理|回事|修)|是否|能否|能不能|可不可以|可以.{0,20}吗|多少|哪些|哪个|区别"
)
# A question with one of these is about a fault that its author has.
FAULT = re.compile(
    r"what (?:should|can|do|could) (?:i|we) do|what to do|any (?:idea|suggestion|advice|solution)"
    r"|what(?:s| is) (?:wrong|going on)|what(?:s| is) the (?:problem|reason|cause|issue)|what happened|what causes"
    r"|how come|fix|solv|get rid|work ?around|\bwhy\b|\bhelp|\bnormal\b"
    r"|\b(?:i|we)(?:m| am| was| have| keep| always|ve)? ?.{0,30}"
    r"\b(?:got|get|gets|getting|see|seeing|saw|hit|hitting|ran into|run into|face|facing|encounter\w*)\b"
    r"|\bmy\b.{0,80}\b(?:is|are|was|became|becomes|shows?|goes|went|keeps?|outputs?|gives?|fails?|failed|crash\w*|stops?)\b"
    r"|怎么办|(?:怎么|如何)(?:解决|处理|回事|修)|为什么|为何|报错|出错|出现|遇到|变成|失败|求助|求解|咋"
)
SETTLED = re.compile(
    r"(?<!nt )(?<!not )(?<!nothing )(?<!never )\b(?:works?|working|runs?|running|trains?|training)(?: \w+)?"
    r" (?:now|again|fine now|perfectly now|well now)\b"
    r"|\bnow (?:it )?(?:works|runs|trains)\b|\bno (?:longer|more)\b"
    r"|\b(?:is|was|has been|got|now|its|i|problem|issue|error|finally) (?:been |now |already |finally )?"
    r"(?:solved|fixed|resolved|gone)\b"
    r"|^\W*(?:solved|fixed|resolved)\b|\bthanks?\b.{0,20}\b(?:worked|helped|works|did the trick)\b|\bdid the trick\b"
    r"|(?<!没)(?<!未)(?<!没有)(?<!怎么)(?<!如何)(?<!能)(?<!想)解决了(?!吗|么)|已经?解决|可以了(?!吗)|好了(?!吗)"
    r"|没问题了|搞定"
)
STILL = re.compile(r"\b(?:but|however|still|yet|another|except)\b|但|可是|不过|又")
# What a run writes when it went on after all.
WENT_ON = re.compile(
    r"train_runtime|train_samples_per_second"
    r"|training (?:is |has )?(?:been )?(?:complete|completed|finished|done|succeeded)\b"
    r"|(?:finished|completed|saved|done|loaded|trained|merged) successfully"
    r"|successfully (?:saved|trained|merged|finished|completed|loaded)|训练完成|训练结束|训练成功|保存成功"
)
STEP = re.compile(r"loss\W{1,4}[\d.]*[1-9]")


def sentence(flat: str, at: int) -> str:
    """The sentence of the flat text that position `at` is in, with its mark."""
    ends = [match.end() for match in re.finditer(r"[.!?;](?=\s|$)|\?", flat)]
    start = max((end for end in ends if end <= at), default=0)
    return flat[start : min((end for end in ends if end > at), default=len(flat))].strip()


def asks(said: str) -> bool:
    """Whether a sentence asks about a matter, and tells of no fault."""
    if FAULT.search(said):
        return False
    if ASKS.match(said) or ASKS_CHINESE.search(said):
        return True
    if not said.endswith("?"):
        return False
    return bool(ASKS_IF_MARKED.match(said)) or any(map(ASKS.match, re.split(r"[:,] ", said)))


def settled(lines: Iterable[str]) -> bool:
    """Whether these lines, flat as for matching, say that a fault is over, and not that another one is there."""
    said = [one for line in lines for one in re.split(r"(?<=[.!?;])\s+", line)]
    at = next((n for n, one in enumerate(said) if SETTLED.search(one) and not one.endswith("?")), None)
    return at is not None and not any(STILL.search(one) for one in said[at:])


def went_on(after: str) -> bool:
    """Whether what follows an exception in a log shows that the run went on."""
    return bool(WENT_ON.search(after)) or len(STEP.findall(after)) >= 2
