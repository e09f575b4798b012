"""The phrasings that tickets and questions are made of, as small grammars: [a|b] stands for a or b, {field} for a value.

A phrasing is held out by its checksum, as words are: about 15% of all that the grammars can say appears in held-out
text alone. Its words are known from other phrasings, the sentence is new.
"""

import random
import re

from tools.tickets.vocabulary import is_held_out

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def phrase(rng: random.Random, patterns: tuple[str, ...], held_out: bool) -> str:
    """One phrasing that the patterns can say, from the side asked for (of grammars that say little: if it has one)."""
    for _ in range(200):
        text = rng.choice(patterns)
        while _CHOICE.search(text):
            text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text, count=1)
        text = re.sub(r" ([,.:?])", r"\1", " ".join(text.split()))
        if is_held_out(text) == held_out:
            break
    return text


_OF = "[x|pieces of|units of|pcs of|of]"
_ONE = "[台|个|件|套|箱]"

_NUMBER = "[two|three|four|five|six|seven|eight|nine|ten]"
_PARCEL = "[the parcel|the box|the package|the delivery|my order|the carton|the bag|the letter|the crate|the shipment]"
_PAPER = (
    "[the invoice|the receipt|the manual|the warranty card|the voucher|the gift note|the return label|"
    "the serial number|the barcode|the price tag|the delivery note|the order form]"
)
_WHO = (
    "[the courier|the driver|your shop|your team|the neighbour|the post office|customs|the warehouse|"
    "the branch|your clerk]"
)

COMPLAINTS = {
    "en": (
        f"{_PARCEL} [never arrived|arrived empty|arrived open|arrived wet|arrived in pieces|arrived frozen|"
        "arrived mouldy|arrived far too late|arrived a week early|was crushed|was torn|was left in the rain|"
        "was left at the door|went to my old address|went to another town|is still in customs|"
        "has not moved for days|was sent twice|came back]",
        f"{_NUMBER} [pieces|screws|parts|cables|keys|pages|bolts|batteries|labels|covers|bottles|boxes|sets] "
        "[are missing|were missing|were broken|are of another make|do not match|came too late|"
        "were not in the box|are used]",
        "[half|a third|a part|most|all] of [the order|the set|the delivery|the bundle] [is missing|was missing|"
        "is broken|is used|came too late|never came|was sent back]",
        "[half|a third|most|all] of the [pieces|parts|screws|batteries|bottles] [are missing|were missing|"
        "are broken|are used|came too late|never came|were sent back]",
        f"{_PAPER} [is missing|is unreadable|is in another language|shows the wrong amount|"
        "shows the wrong name|was not included|is not accepted|has expired|does not work|"
        "is for another customer|was torn|is not mine]",
        f"{_WHO} [never rang the bell|threw it over the fence|refused the exchange|refused the refund|"
        "sent it back|gave it to somebody else|did not answer my mail|promised another date|lost the papers|"
        "opened the box|kept the deposit]",
        "[the refund|the deposit|the discount|the credit|my payment|the rebate|the cashback] [never came|"
        "was too small|was not applied|was refused|was taken twice|is still missing|went to a stranger|"
        "was forgotten]",
        "[it|the article|the thing|this one|the whole set] [arrived used|smells terrible|"
        "is much smaller than shown|is an older model|came in the wrong size|came in the wrong colour|"
        "does not match the picture|was put together wrongly|expired last month|"
        "had somebody else's name on it|is not what I chose|was repaired before|has no guarantee|"
        "is for another country]",
        "I [was charged twice|never ordered this|was billed in another currency|got the wrong one|"
        "got somebody else's order|was sent a used one|cannot register it|cannot reach anybody|"
        "was promised a present|paid more than shown|got no answer]",
        "[the app|the website|the account|the subscription|the guarantee|the tracking] [does not find it|"
        "was renewed without asking|was closed|shows another article|is not valid here|stopped after a day|"
        "cannot be opened|was never started]",
    ),
    "zh": (
        "[包裹|箱子|快递|货物|盒子|整个包裹|整箱货][一直没到|是空的|到得太晚|被压扁了|淋湿了|到货时已拆封|送错了地方|寄到旧地址了|"
        "被扔在门口|还在海关|好几天没动|被退回了|破了一个洞|重复发了|没有签收]",
        "[少了|缺了|漏了|多了|坏了|碎了][一|两|三|四|五|六|七|八][颗螺丝|个零件|根线|本说明书|节电池|块板子|个盖子|张卡|"
        "把钥匙|个瓶子]",
        "[发票|收据|说明书|保修卡|优惠券|礼品卡|退货单|序列号|条码|价签|送货单][没有放|看不清|金额不对|名字不对|无效|已经过期|"
        "用不了|是别人的|被撕破了|语言不对|找不到]",
        "[快递员|司机|你们店|客服|邻居|仓库|门卫|店员][没有按门铃|拒绝换货|拒绝退款|态度很差|把货退了|给了别人|没有回邮件|"
        "答应的没做到|弄丢了单据|拆开了箱子|收走了押金]",
        "[退款|押金|优惠|差价|货款|返现|赔偿][一直没到账|少了一部分|没有生效|被拒绝|被扣了两次|打到别人账上|被忘记了|还没有退]",
        "[商品|东西|收到的|这一件|整套][是旧货|比图片小很多|与图片不符|是旧款|颜色发错了|尺码发错了|装错了|味道很难闻|"
        "上面有别人的名字|没有包装|没有保修|修过了|不是我选的|插头不能用]",
        "[软件|网站|账户|订阅|物流][找不到设备|自动续费了|被关闭了|显示的是别的商品|打不开|好几天没更新|一直没开通|币种算错了]",
    ),
}

UNITS = {
    "en": {
        "hello": (
            "[Hello|Hi|Dear|Good morning|Good evening|Good day|Greetings] [team|support|all|service|colleagues|],",
        ),
        "who": (
            "[my name is|this is|I am|you can call me|it is] {customer} [|again|from {city}|, a customer of yours].",
            "[the|our|your] [customer|buyer|client] [is|is called|is named] {customer}.",
            "{customer} [here|speaking|is writing to you|wrote to us|contacted us|called us|called from {city}|called on {date}].",
            "[a message|a call|a mail|a letter] [from|by] {customer} [|came in|arrived on {date}].",
            "[Ticket|Case|Note|Request|Message] [opened|made|written|sent] [for|by] {customer}.",
            "[the account|the order|the purchase] [belongs to|is for|was made by|is in the name of] {customer}.",
            "we [heard|got a call|got a mail|got a message] from {customer} [today|on {date}|].",
        ),
        "bought": (
            f"[I|we] [ordered|bought|purchased|got|took] {{quantity}} {_OF} [the|your|] {{product}} "
            "[under|with|as|in] [order|order number|order no.|purchase|order id] {order_id}.",
            "[Order|Order number|Purchase|Order no.|Reference] {order_id} [contains|lists|was for|covers|came with] "
            f"{{quantity}} {_OF} [the|your|] {{product}}.",
            "[With|Under|In|On] [order|order number|purchase|] {order_id} [came|you sent|I got|we got|there were] "
            f"{{quantity}} {_OF} [the|your|] {{product}}.",
            "[It concerns|It is about|I mean|This is about] the {product} [(quantity {quantity})|, {quantity} pieces,|, {quantity} units,] "
            "[from|of|in] [order|purchase] {order_id}.",
            f"On {{date}} [I|we] [ordered|bought|purchased] {{quantity}} {_OF} [your|the|] {{product}} "
            "[, order number {order_id}|, see order {order_id}|as order {order_id}].",
            f"[I|we] paid {{amount}} for {{quantity}} {_OF} [your|the|] {{product}} [with|in|as] [order|purchase] {{order_id}}.",
            f"{{quantity}} {_OF} [the|your|] {{product}} [arrived|came|were sent] on {{date}} as [order|purchase] {{order_id}}.",
        ),
        "order": (
            "[My|The|Our] [order|order number|order id|purchase number|reference|order no.] is {order_id}.",
            "[It is about|I mean|Please check|Please look at|See|Find] [order|order number|order no.|purchase] {order_id}.",
            "[I|we] [placed|made|sent] [order|purchase|order number] {order_id} [on {date}|from {city}|].",
            "[The receipt|The invoice|The letter|The box] says {order_id}.",
            "[You will find it|It is filed|We filed it|It was sent] [as|under] [order|number|reference|] {order_id}.",
        ),
        "items": (
            f"[I|we] [ordered|bought|purchased|got|took|asked for|needed] {{quantity}} {_OF} [the|your|] {{product}}.",
            f"[It was|There were|The box held|It lists|The parcel held] {{quantity}} {_OF} [the|your|] {{product}}.",
            "[The item|The product|The article] is [the|your|] {product}, [quantity|number|pieces] {quantity}.",
        ),
        "issue": (
            "[Unfortunately|Sadly|Now|But|However|As it happens|To my surprise|After {days} days|Since {date}] [,|] {issue}.",
            "[I am sorry to say|I noticed|It turned out|I must report|I have to tell you|We found|You should know|Please note"
            "|My complaint is|The trouble is|The reason I write is] that {issue}.",
            "[The|Our|My] [problem|complaint|fault|trouble|issue|defect] [is|is this|is as follows]: {issue}.",
            "[What is wrong|What went wrong|The fault|Please note|This is the problem]: {issue}.",
        ),
        "aside": (
            "[I|We] [waited|have waited] {days} days [for it|].",
            "[I|We] live in {city}.",
            "[The courier|My neighbour|My colleague|Your colleague] [was called|is called|was] {other}.",
            "[I|We] paid {amount} [in all|for it|].",
            "It [was delivered|arrived|came] on {date}.",
            "[My neighbour|My colleague] {other} [took it in|saw it as well|was there].",
            "[I|We] have been [a customer|customers] for {days} years.",
            "It was [meant as|] a gift for {other}.",
            "[The shop|Your shop|The branch] in {city} could not help.",
            "[I|We] [called|wrote to] you on {date} [already|].",
            "[I|We] spoke to {other} from your [team|shop].",
            "[Photos|Pictures|The receipt] [are attached|can be sent].",
            "[I|We] needed it by {date}.",
            "[I|We] like your [shop|products].",
        ),
        "wish": (
            "[Please|Kindly] [send a new one|exchange it|refund {amount}|call me back|repair it|help|advise|answer].",
            "[I|We] [want|expect] [the money back|a refund|a new one|an answer within {days} days].",
            "[What|How] can [you|we] do [about it|now|]?",
            "[How|Where] do [I|we] return it?",
            "[I|We] look forward to your answer.",
        ),
        "signed": (
            "[Regards|Kind regards|Best regards|With regards|Thanks|Many thanks|Best wishes|Yours|Sincerely|Cheers|Thank you] "
            "[,|] {customer} [|, {city}|, {date}|from {city}].",
            "[Signed|Name|From|Sender|Regards from|Greetings from|Thanks from|Written by|Sent by|Reported by|Submitted by|"
            "Your customer|Customer|Buyer|Client|Contact|Caller|Account holder][:| -] {customer} [|, {city}|({city})].",
            "[Thanks|Regards|Yours|Greetings|Hoping for help|Waiting for an answer]. [-|] {customer} [|, {city}|on {date}]",
            "{customer} [, {city}|from {city}|, a customer|, {date}|wrote this|sent this|signed this] [|.]",
        ),
    },
    "zh": {
        "hello": ("[你好|您好|客服你好|客服您好|各位好|早上好|晚上好|下午好][，|！]",),
        "who": (
            "[我是|我叫|这里是|我的名字是|本人|客户是|买家是|下单人是|收货人是|联系人是]{customer}[|，住在{city}|，来自{city}]。",
            "[客户|用户|买家|顾客|][|：]{customer}[|在{date}][来电|来信|联系了我们|留言|打来电话|投诉|反映]。",
            "[我是|这里是][{city}的|来自{city}的]{customer}。",
            "[账户名|姓名|客户姓名|名字][是|：]{customer}。",
        ),
        "bought": (
            f"[我|我们][|在{{date}}][买了|订了|下单了|购买了|采购了]{{quantity}}{_ONE}{{product}}，[订单号|单号|编号|订单|订单编号][|是|为]{{order_id}}。",
            f"[订单|单号|编号|订单号|订单编号]{{order_id}}[|里][有|是|包含|共]{{quantity}}{_ONE}{{product}}。",
            "[订单|单号|编号][|：|是]{order_id}，[商品|产品|货品][|是|：]{product}，[数量|件数|共]{quantity}。",
            f"[关于|请查|请看][订单|单号]{{order_id}}[的|，是|，有]{{quantity}}{_ONE}{{product}}。",
            f"{{order_id}}这[一单|个订单][是|有|包含]{{quantity}}{_ONE}{{product}}。",
            f"[我|我们]花{{amount}}[买了|订了]{{quantity}}{_ONE}{{product}}，[订单|单号|编号]{{order_id}}。",
            f"{{date}}[收到|送到]{{quantity}}{_ONE}{{product}}，[订单号|编号|单号][|是]{{order_id}}。",
        ),
        "order": (
            "[我的|我们的|][订单号|订单编号|单号|编号][|是|为|：]{order_id}。",
            "[请看|请查|请帮我查|我说的是|这是][订单|单号|]{order_id}[|这一单|这个订单]。",
            "[寄到{city}的|{date}的|][订单|单号]{order_id}[有问题|出了问题|需要处理]。",
        ),
        "items": (
            f"[我|我们][买了|要了|订了|收到了|拿了|购买了]{{quantity}}{_ONE}{{product}}。",
            f"[一共|里面|箱子里|]是{{quantity}}{_ONE}{{product}}。",
            f"[买的|订的|购买的]是{{quantity}}{_ONE}{{product}}。",
            "[商品|产品|货品]是{product}，[数量|件数|共]{quantity}。",
        ),
        "issue": (
            "[可是|但是|现在|结果|不过|没想到|实际上|用了{days}天|打开一看|检查后][，|]{issue}。",
            "[问题|故障|投诉|情况|毛病][是|：|如下：]{issue}。",
            "[我|我们][发现|看到|要反映|要投诉][，|：|]{issue}。",
            "[请注意|反馈|说明|很遗憾][：|，]{issue}。",
        ),
        "aside": (
            "[我|我们]等了{days}天。",
            "[我|我们]住在{city}。",
            "快递员[是|叫]{other}。",
            "[一共|总共]付了{amount}。",
            "{date}[送到|收到]的。",
            "[{other}帮我收的|同事{other}也看到了|之前联系过{other}]。",
            "[我是老客户了|照片已附上|发票已附上]。",
            "这是送给{other}的礼物。",
            "{city}的门店也没办法。",
            "[我|我们]{date}[打过电话|要用]。",
            "物流用了{days}天。",
        ),
        "wish": (
            "[请|麻烦][尽快|][换货|退款|补发|回电|处理一下|给个说法]。",
            "[请|麻烦]退还{amount}。",
            "[怎么|如何][处理|退货|换货]？",
            "[我|我们][要|想][退款|换货|退货]。",
            "希望{days}天内答复。",
            "谢谢。",
        ),
        "signed": (
            "[谢谢|此致|祝好|感谢|再见|多谢|拜托了|辛苦了|静候回复|盼复][，|。|！|：]{customer}[|，{city}|。]",
            "[客户|署名|联系人|落款|签名|买家|发件人|留言人|反馈人|投诉人|写信人|账户名|您的客户][：|，|是|]{customer}[|。|，{city}]",
            "[——|—|--]{customer}[|，{city}|，{date}|。]",
            "{customer}[|，{city}|，{date}|于{date}|（{city}）][敬上|留言|上|谨上|拜上|呈上|手书|留|致意|反映|投诉|提交|来信][|。]",
        ),
    },
}

LABELS = {
    "en": {
        "customer": ("[Name|From]", "[Customer|Buyer|Client|Contact|Sender|Account] [name|]"),
        "order_id": ("[Order|Purchase|Reference|Case] [number|no.|id|code|]",),
        "quantity": ("[Qty|Pieces|Units]", "[Number|Count|Quantity|Amount] of [units|pieces|items]"),
        "product": ("[Product|Item|Article|Goods|Model] [name|ordered|bought|]",),
        "issue": ("[Problem|Issue|Complaint|Fault|Defect|Trouble] [seen|report|description|]",),
        "date": ("[Order|Delivery|Purchase|Arrival] [date|day]",),
        "city": ("[Delivery|Home|Branch|Shop] [city|town|place]",),
        "amount": ("[Sum|Price|Total|Amount] [paid|charged|]",),
    },
    "zh": {
        "customer": ("[客户|买家|用户|顾客|收货人|联系人][姓名|名字|名称|]",),
        "order_id": ("[订单|购买|交易|参考][号|编号|号码|代码]",),
        "quantity": ("[购买|订购|商品|产品|][数量|件数|个数|总数]",),
        "product": ("[商品|产品|货品|物品][名称|名|型号|]",),
        "issue": ("[问题|故障|投诉|缺陷|毛病][描述|说明|详情|情况|]",),
        "date": ("[下单|收货|购买|到货][日期|时间]",),
        "city": ("[收货|所在|寄往|购买][城市|地点]",),
        "amount": ("[实付|商品|订单|付款][金额|价格|总价]",),
    },
}

# {what} is one of the names of the field asked for; the questions after it fit that field alone.
_ASK = {
    "en": (
        "[Tell me|Give me|Find|Name|Show me|I need|Write down|Read me|Look up|Say] {what} [.|, please.|for this ticket.]",
        "What is {what} [|here|in this ticket]?",
        "[Can|Could] you [tell me|find|see|name|read] {what}?",
        "{what} [?|, please.]",
    ),
    "zh": (
        "[请|麻烦|][给出|告诉我|说出|找出|写出|念一下|查一下|显示|记下]{what}。",
        "{what}[是什么|呢|是]？",
        "[我要知道|我想知道|需要]{what}。",
        "[能|可以][告诉我|找到|看到]{what}吗？",
    ),
}
_WHAT = {
    "en": {
        "customer": "[the customer|the customer's name|the name of the customer|the buyer|the buyer's name|the name of the buyer]",
        "order_id": "[the order number|the order id|the number of the order|the order reference|the id of the order]",
        "quantity": "[the quantity|the number of pieces|the number of items|the number of units|the count of items]",
        "product": "[the product|the item|the product name|the name of the product|the name of the item|the article]",
        "issue": "[the problem|the issue|the complaint|the fault|the reported problem|the reported fault]",
    },
    "zh": {
        "customer": "[客户|客户姓名|客户的名字|买家|买家姓名|买家的名字]",
        "order_id": "[订单号|订单编号|单号|订单的编号|订单的号码]",
        "quantity": "[数量|件数|购买数量|商品数量|购买的件数]",
        "product": "[商品|产品|商品名称|产品名称|购买的商品]",
        "issue": "[问题|故障|投诉|投诉的问题|反映的问题|商品的故障]",
    },
}
_ONLY = {
    "en": {
        "customer": (
            "[Who|Which customer|Which person] [wrote this|placed the order|is complaining|is the buyer|sent this]?",
        ),
        "order_id": ("[Which|What] [order|order number|purchase] [is it|is this about|is given|was it]?",),
        "quantity": ("How many [|pieces|units|items] [were ordered|were bought|are there|did the customer buy]?",),
        "product": ("[What|Which product|Which item] [was ordered|was bought|did the customer buy|is this about]?",),
        "issue": (
            "What [is|was] [wrong|the matter|broken] [|here|with it|with the product|with the order]?",
            "What [went wrong|goes wrong|happened] [|here|with it|with the product|with the order]?",
            "[What|Which problem|Which fault] does the [customer|buyer|client] [report|describe|mention|write about]?",
            "Why [does|did] the [customer|buyer|client] [write|complain|call|contact us]?",
        ),
    },
    "zh": {
        "customer": ("[谁|哪位客户|哪位买家][写的|下的单|在投诉|来信]？", "[客户|买家]是谁？"),
        "order_id": (
            "[是|说的是|问的是|提到的是][哪个|哪一个|哪张][订单|单号]？",
            "[订单号|订单编号|单号][是多少|写的是什么|怎么写]？",
        ),
        "quantity": ("[买了|订了|一共][多少|几][件|个]？",),
        "product": (
            "[买的|订的|说的|收到的][是什么|是哪个商品|是哪种商品|是什么商品]？",
            "[客户|买家|顾客][买了|订了|收到了]什么？",
        ),
        "issue": (
            "[有|出了|反映了|发生了][什么|哪些|哪种][问题|故障]？",
            "[哪里|什么地方|商品哪里][不对|有问题|坏了]？",
        ),
    },
}
QUESTIONS = {
    language: {
        field: (*(ask.replace("{what}", what) for ask in _ASK[language]), *_ONLY[language][field])
        for field, what in _WHAT[language].items()
    }
    for language in _ASK
}

# Names of fields in requests for several at once.
NAMES = {
    "en": {
        "customer": ("[customer|buyer|client] [name|]", "name"),
        "order_id": ("[order|purchase] [number|id|code|]",),
        "quantity": ("quantity", "pieces", "[number|count] of [pieces|items|units]"),
        "product": ("[product|item|article] [name|]",),
        "issue": ("[problem|issue|complaint|fault]",),
    },
    "zh": {
        "customer": ("[客户|买家][姓名|名字|]", "姓名"),
        "order_id": ("[订单|][编号|号码]", "订单", "单号"),
        "quantity": ("[购买|商品|][数量|件数]",),
        "product": ("[商品|产品][名称|]",),
        "issue": ("[问题|故障|投诉]",),
    },
}
