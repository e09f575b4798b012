"""What a sentence is, in English and in Chinese: somebody's fault, a question about the matter, or good news."""

import re
from collections.abc import Iterable

from helpers.doctor.catalogue import concepts, foreign

ASKS = re.compile(
    r"^\W*(?:(?:hi|hello|hey|so|and|also|please|sorry|quick question|question|just wondering)\W+)*"
    r"(?:how (?:do|does|can|could|should|to|would|many|much|large|big|long|often)\b|which\b.{0,60}\bshould\b"
    r"|what(?:s| is| are| does| do| should| would| happens| if| kind| rank)\b|explain\b|tell me\b)"
)
ASKS_IF_MARKED = re.compile(
    r"^\W*(?:\d+\W+)?(?:(?:and|or|but|so|also|then)\W+)*"
    r"(?:which|where|when|who|is|are|can|could|should|do|does|will|would|may|any)\b"
)
ASKS_CHINESE = re.compile(
    r"什么是|什么意思|啥意思|(?:如何|怎么|怎样)(?!办|解决|处理|回事|修|缓解|避免)|是否|能否|能不能|可不可以|可以.{0,20}吗|多少|哪些|哪个|区别"
    r"|能.{1,20}吗\W*$|(?:必须|必要|需要|有联系|有关系|有影响|有区别)的?(?:么|吗)\W*$"
)
# What somebody would do if, not what happened.
SUPPOSES = re.compile(r"^\W*(?:\d+\W+)?if (?!i\b|we\b|you\b|my\b).{0,120}\b(?:what|how|can|could|should)\b")
# A question with one of these is about a fault that its author has.
FAULT = re.compile(
    r"what (?:should|can|do|could) (?:i|we) do|what to do|any (?:idea|suggestion|advice|solution)"
    r"|what(?:s| is) (?:wrong|going on)|what(?:s| is) the (?:problem|reason|cause|issue)|what happened|what causes"
    r"|how come|fix|solv|get rid|work ?around|\bwhy\b|\bhelp|\bnormal\b"
    r"|\b(?:i|we)(?:m| am| was| have| keep| always|ve)? ?.{0,30}"
    r"\b(?:got|get|gets|getting|see|seeing|saw|hit|hitting|ran into|run into|face|facing|encounter\w*)\b"
    r"|\bmy\b.{0,80}\b(?:is|are|was|became|becomes|shows?|goes|went|has no|lacks"
    r"|keeps?|outputs?|gives?|fails?|failed|crash\w*|stops?)\b"
    r"|怎么办|(?:怎么|如何)(?:解决|处理|回事|修|缓解|避免)|原因|没办法|无法|不了|为什么|为何|报错|出错|出现|遇到|发现|要我|怎么关|变成|失败|求助|求解|咋"
)
SETTLED = re.compile(
    r"(?<!nt )(?<!not )(?<!nothing )(?<!never )\b(?:works?|working|runs?|running|trains?|training)"
    r"(?: (?!(?:this|that|it|the)\b)\w+)?"
    r" (?:now|again|fine now|perfectly now|well now)\b"
    r"|\bnow (?:it )?(?:works|runs|trains)\b|\bno more\b"
    r"|\bno longer (?:happens?|occurs?|appears?|there|shows?|get|see|crash\w*|fails?|an issue|a problem|needed)\b"
    r"|\b(?:is|was|has been|got|now|its|i|problem|issue|error|finally) (?:been |now |already |finally )?"
    r"(?:solved|fixed|resolved|gone)\b"
    r"|^\W*(?:solved|fixed|resolved)\b|\bthanks?\b.{0,20}\b(?:worked|helped|works|did the trick)\b|\bdid the trick\b"
    r"|(?<!没)(?<!未)(?<!没有)(?<!怎么)(?<!如何)(?<!能)(?<!想)解决了(?!吗|么)|已经?解决|可以了(?!吗)"
    r"|(?<!装)(?<!载)(?<!备)(?<!置)(?<!写)好了(?!吗)"
    r"|没问题了|搞定"
)
# Somebody asks whether anybody has solved it.
SOLVED_BY_ANYBODY = re.compile(
    r"(?:有|谁|哪位|大佬).{0,8}解决|解决了.{0,6}(?:不|没|没有|吗|么|嘛)\W*$|\b(?:has|have|did) (?:any|some)"
)
# What somebody wants, as under "Expected behavior", not what is.
WANTED = re.compile(r"\b(?:should|would|expect\w*|supposed|want|hope|wish|must)\b|应该|期望|希望|预期")
STILL = re.compile(r"\b(?:but|however|still|yet|another|except)\b|但|可是|不过|又")
# What a run writes when it went on after all.
WENT_ON = re.compile(
    r"train_runtime|train_samples_per_second"
    r"|training (?:is |has )?(?:been )?(?:complete|completed|finished|done|succeeded)\b"
    r"|(?:finished|completed|saved|done|loaded|trained|merged) successfully"
    r"|successfully (?:saved|trained|merged|finished|completed|loaded)|训练完成|训练结束|训练成功|保存成功"
)
DESCRIPTION = 600  # characters of sentences; in anything longer, words that stand near one another mean little
# Words of a sentence that tells of a fault; a description by its likeness alone needs one.
AMISS = re.compile(
    r"error|fail|cannot|\bcant\b|can not|could not|\b(?:do|does|did|is|are|was|were|has|have|would|should)nt\b"
    r"|unable|broke|\bbug|crash|wrong|missing|\black|\bno\b|\bnot\b|never|always|refus|reject|block|kill|stuck|hang|warn"
    r"|stops\b|\bdies?\b|complain|nothing"
    r"|exception|raise|issue(?! ?#)|problem|mismatch|instead|without|\bnan\b|empty|infinite|forever|removed"
    r"|报错|错误|失败|不|没|无法|问题|异常|卡|崩|乱|重复|移除|警告|怎么办"
)
WISHES = re.compile(
    r"\bhope\b|clarif|\bwonder|curious|feature request|please (?:add|support)|would be (?:nice|great)"
    r"|期待|希望|请求支持"
)
# What somebody asks the authors for, or tells them that they broke, anywhere in a text.
REQUESTS = re.compile(
    r"\bplease (?:add|support|allow|let|provide|consider)\b|would be (?:nice|great|helpful)|feature request|clarif"
    r"|(?:write|add|more|some|better) .{0,12}documentation|\bis it possible to\b(?! (?:fix|solve|avoid))"
    r"|\b(?:can|could|would) you (?:please )?(?:add|write|provide|support|share|release|explain)\b"
    r"|\bis there (?:a|any)\b.{0,12}\bway\b(?! (?:to|of) (?:fix|solv|avoid|work|resolv|get rid))|\bcurious|\bwonder"
    r"|(?:希望|建议|期待|请求|能否).{0,4}(?:支持|增加|添加|提供|加入|加上|新增)"
    r"|\bbroken? (?:with|in|by|since) .{0,30}(?:version|release|update)"
)
CHINESE = re.compile(r"[\u4e00-\u9fff]{2}")
TRANSLATED = 200  # characters of an exception's message
# A line of a program, of its settings or of a log; what a person writes has few of these signs.
SIGNS = re.compile(r"[=(){}\[\]<>|\\_]|--|://|\S/\S")
FEW = 0.2  # signs a word
SPOKEN = re.compile(r"(?:(?<![^\s])[a-z][\w-]*[,:]? ){4}[a-z]|[\u4e00-\u9fff]{5}")  # words in a row beside code
# A line that only sets something; that somebody set it is no description of a fault.
SETS = re.compile(r"(?:export )?[\w.\-]+ ?= ?[\w.\[({/-][^ ]*(?<![([{])(?: \\)?", re.ASCII)
# Matters that no case is about: how fast it goes, how busy the GPU is.
SPEED = re.compile(
    r"\btrain(?:s|ing)?\b.{0,30}\bslow(?:er|ly|ness)?\b|\bslow(?:er)? train|gpu utili[sz]ation"
    r"|(?:训练|微调).{0,14}慢|利用率"
)
# Lines that a program writes, whatever their length.
LOG = re.compile(
    r"^\W*(?:\S*[:/]\S*/|running (?!into|out|my|the|a |on|this|it |with)|copying "
    r"|file \S|error: |warning: |\d{4}-\d\d|\d+%|at \w+\.)"
)
# Words that only who works with models says; a description without any is of something else.
FIELD = re.compile(
    r"\btrain(?:s|ed|ing|er|able)?\b|train_|fine.?tun|\bq?lora\b|lora[_ ]|\bpeft\b|adapter|\bllms?\b|language model"
    r"|checkpoint-|sav\w+ (?:the |a |my )?checkpoint|保存 ?checkpoint|checkpoint ?保存"
    r"|torch|cuda|(?<!o)llama|qwen|mistral|mixtral|gemma|\bphi-?\d|glm|baichuan|deepseek|falcon|bloom|\bbert\b"
    r"|\bgpt|hugging ?face|transformers|\btrl\b|unsloth|axolotl|swift|tokeniz|\bsft|\bdpo|grpo|\bepoch|\bloss\b"
    r"|grad_norm|gradient|input_ids|\blabels\b|embedding|vllm|gguf|wandb|collator|automodel|bitsandbytes|\bbnb\b|deepspeed"
    r"|zero-?3|\bfsdp|\bnccl|quantiz|safetensors|bf16|fp16|bfloat16|chat.?template|pad_token|\bxet\b|hf[_-]|modelscope|triton"
    r"|flash.?att|device-side|merge_and_unload|\bvram\b|inference|generat|pretrained|merged model|early.?stopping"
    r"|\bpadding\b|truncation|all-?reduce|断点续训|assistant_only"
    r"|metric_for_best_model|load_best_model|trainingarg|load_dataset|dataset\.map|resume_from|last checkpoint"
    r"|jsonl|max_(?:seq_)?length"
    r"|accelerate launch|datasets \d|loading script|数据集|样本|微调|训练|大模型"
    r"|模型|权重|推理|显存|量化|梯度|适配器|分词|词表|对话模板|魔搭|张量",
    re.ASCII,
)
# Words that only who fine-tunes language models says, or their libraries.
OURS = re.compile(
    r"fine.?tun|\bq?lora\b|lora[_ ]|\bpeft\b|adapter|\bllms?\b|language model|(?<!o)llama|qwen|mistral|mixtral|gemma"
    r"|\bphi-?\d|glm|baichuan|deepseek|falcon|bloom|\bgpt|hugging ?face|transformers|\btrl\b|unsloth|axolotl|swift"
    r"|\bsft|\bdpo|grpo|grad_norm|input_ids|vllm|gguf|automodel|bitsandbytes|\bbnb\b|deepspeed|zero-?3|\bfsdp|safetensors"
    r"|chat.?template|pad_token|\bxet\b|modelscope|merge_and_unload|flash.?att|text.generation.webui|微调|大模型|适配器|词表|对话模板|魔搭",
    re.ASCII,
)
# Other software and other kinds of learning, which may also be what a model is trained for: without a word of ours, it
# is about them.
OTHER_MATTERS = re.compile(
    r"\bwebui\b|kubernetes|\bk8s\b|\bnpm\b|\byarn\b|\bspring\b|springframework|\bjava\b|\bmaven\b|mysql|postgres|\bredis"
    r"|django|\bflask\b|\bpdf\b|\bexcel\b|selenium|\bunity\b|\bblender\b|opencv|\bkeras\b|\btensorflow\b"
    r"|\btf\.|\bjax\b|\bflax\b|\bcaffe2?\b|\bmxnet\b|paddle|mindspore|scikit|xgboost|lightgbm|\bd?c?gans?\b"
    r"|cyclegan|stylegan|\bcnns?\b|\brnns?\b|\blstms?\b|\bgru\b|\bvaes?\b|\bgnns?\b|\bmlps?\b|\bnerf\b|gaussian splat"
    r"|resnet|mobilenet|efficientnet|densenet|\bvgg|unet\b|u-net|\bssd\b|r-?cnn|\bdetr\b|diffusion|\bflux\b|\bldm\b"
    r"|object detect|bounding box|\bbbox|\banchors?\b|segmentation|point cloud|optical flow|super.?resolution|denois"
    r"|image classif|\bcifar|\bmnist|imagenet|\bcoco\b|discriminator|reinforcement|\bgym\b|molecul|protein|forecast"
    r"|time.series|\bconv(?:\dd)?[ _-]layers?\b|\bconv\dd\b|\bsoftmax layer"
    r"|re-identification|depth estimat|pose estimat|face (?:recog|detect|swap)|人脸|姿态估计|深度估计|行人"
    r"|text.to.speech|\btts\b|vocoder|目标检测|图像分割|图像分类|检测框|点云|强化学习|时间序列|生成对抗"
    r"|扩散模型|卷积",
    re.ASCII,
)
# What shows that it is about other software, or about building a package.
ELSEWHERE = re.compile(
    r"comfyui|custom_nodes|stable.diffusion|dreambooth|automatic1111|\bsdxl\b|kohya|sd-scripts|\bmlx\b|\bflux\b"
    r"|mlx[-_](?:lm|vlm|examples)|building wheel|build wheel|subprocess-exited-with-error|setup\.py|gpt4all"
    r"|画风|画师|文生图|text.to.image|hunyuan.?video"
    r"|yolo|mmdetection|darknet|\bcmake\b|\brustc\b|\bcargo\b|nvidia-container|error response from daemon"
    # Building a package; DeepSpeed builds its own while it trains.
    r"|^(?!.*(?:deepspeed|cpu_adam|fused_adam)).*ninja: ",
    re.ASCII,
)
# The same character, few of them or words again and again, as a broken model writes; not as rules and bars are drawn.
AGAIN = re.compile(r"([^\s\-=_.*#~+|/\\\u2500-\u25ff])\1{11,}|([^\s\-=_.*#~|]{2,6}?)\2{5,}|((?:[^\s]{1,12}\s))\3{5,}")
GIBBERISH = "gibberish"
STEP = re.compile(r"loss\W{1,4}[\d.]*[1-9]")


def sentence(flat: str, at: int) -> str:
    """The sentence of the flat text that position `at` is in, with its mark."""
    ends = [match.end() for match in re.finditer(r"[.!?;](?=\s|$)|\?", flat)]
    start = max((end for end in ends if end <= at), default=0)
    return flat[start : min((end for end in ends if end > at), default=len(flat))].strip()


def asks(said: str) -> bool:
    """Whether a sentence asks about a matter, and tells of no fault."""
    if SUPPOSES.match(said):
        return True
    if FAULT.search(said):
        return False
    if WISHES.search(said) or ASKS.match(said) or ASKS_CHINESE.search(said):
        return True
    if not said.endswith("?"):
        return False
    if ASKS_IF_MARKED.match(said):
        return True
    clauses = re.split(r"[:,] ", said)
    asking = next((n for n, clause in enumerate(clauses) if ASKS.match(clause)), None)
    return asking is not None and not any(map(concepts()["fails"].search, clauses[:asking]))


def wishes(flat: str) -> bool:
    """Whether somebody asks for something that is not there."""
    return bool(REQUESTS.search(flat))


def told(flats: Iterable[str]) -> str:
    """The lines, flat as for matching and joined, with spaces for what a program wrote, and in a longer text for all
    that no person says; nothing of a text about other software. What is repeated endlessly is called gibberish."""
    said = " ".join(flats)
    if not of_this_field(said):
        return ""
    people = says if len(said) > DESCRIPTION else lambda line: not LOG.match(line) and not SETS.fullmatch(line)
    said = " ".join(line if people(line) else " " * len(line) for line in flats)
    return AGAIN.sub(lambda again: GIBBERISH.ljust(len(again[0])), said)


def of_speed(said: str) -> bool:
    """Whether what people say is about how fast it goes, and not that it stands still or ends."""
    return bool(SPEED.search(said)) and not concepts()["stuck"].search(said)


def of_this_field(flat: str) -> bool:
    """Whether a text has words of this field, and none of other software."""
    return bool(FIELD.search(flat)) and not elsewhere(flat)


def elsewhere(flat: str) -> bool:
    """Whether a text is about other software, or another kind of learning."""
    if ELSEWHERE.search(flat) or foreign().search(flat):
        return True
    return bool(OTHER_MATTERS.search(flat)) and not OURS.search(flat)


def complaints(flats: Iterable[str], most: int = 4) -> list[str]:
    """Up to `most` sentences of a person in a row, of those that tell of a fault and neither ask nor wish."""
    said = [one for flat in flats for one in re.split(r"(?<=[.!?;])\s+|(?<=,)(?=[\u4e00-\u9fff])", flat) if spoken(one)]
    amiss = [bool(AMISS.search(one)) and not asks(one) for one in said]
    runs = ((n, n + size) for size in range(1, most + 1) for n in range(len(said) - size + 1))
    return [" ".join(said[start:end]) for start, end in runs if any(amiss[start:end])]


def says(line: str) -> bool:
    """Whether a line is of a description and not of a program or a log."""
    return not LOG.match(line) and len(SIGNS.findall(line)) <= max(2, FEW * len(line.split()))


def spoken(sentence: str) -> bool:
    """Whether a sentence is a person's, code within it or not."""
    if LOG.match(sentence) or SETS.fullmatch(sentence):
        return False
    return says(sentence) or bool(SPOKEN.search(sentence))


def translated(flat: str, at: int) -> str:
    """The message of the exception at `at`, where it is in Chinese; libraries write English."""
    said = flat[at : at + TRANSLATED]
    return said if CHINESE.search(said) else ""


def settled(lines: Iterable[str]) -> bool:
    """Whether these lines, flat as for matching, say that a fault is over, and not that another one is there."""
    said = [one for line in lines for one in re.split(r"(?<=[.!?;])\s+", line)]
    at = next(
        (
            n
            for n, one in enumerate(said)
            if SETTLED.search(one)
            and not one.endswith("?")
            and not SOLVED_BY_ANYBODY.search(one)
            and not WANTED.search(one)
        ),
        None,
    )
    return at is not None and not any(STILL.search(one) for one in said[at:])


def went_on(after: str) -> bool:
    """Whether what follows an exception in a log shows that the run went on."""
    return bool(WENT_ON.search(after)) or len(STEP.findall(after)) >= 2
