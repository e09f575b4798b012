"""What tickets are about, in labels: groups of products, kinds of complaint, and sentences that state a fact.

Words and sentences that could be read in two ways are left out.
"""

from functools import cache

GROUPS = ("kitchen", "home", "electronics", "clothing", "sport", "tools", "leisure")
# kinds of complaint, and how often tickets have them
KINDS = {
    "late": 10, "missing": 10, "service": 9, "payment": 10, "damaged": 12, "dirty": 9, "wrong": 10, "faulty": 14,
    "noisy": 10, "unsafe": 12,
}  # fmt: skip
WISHES = ("refund", "exchange", "repair", "reply", "none")

# The words of answers, by language.
WORDS = {
    "en": {word: word for word in (*GROUPS, *KINDS, *WISHES, "yes", "no")},
    "zh": dict(
        zip(
            (*GROUPS, *KINDS, *WISHES, "yes", "no"),
            "厨房 家居 电子 服饰 运动 工具 休闲 延误 缺件 服务 付款 损坏 脏污 发错 失灵 噪音 危险 退款 换货 维修 回复 无 是 否".split(),
        )
    ),
}

_NOUNS = {
    "en": {
        "kitchen": """kettle | toaster | blender | coffee grinder | rice cooker | frying pan | saucepan | cutting board |
            knife set | teapot | spice rack | wine cooler | ice maker | bread bin | pizza stone | waffle iron |
            egg boiler | apron | baking tray | bottle opener | bread knife | butter dish | cake stand | casserole |
            cheese grater | chopping board | cocktail shaker | colander | cooking pot | corkscrew | dishwasher |
            egg timer | food processor | fruit bowl | gravy boat | hand blender | hot plate | juicer | jug |
            measuring jug | meat grinder | microwave | milk frother | mixing bowl | muffin tin | oven mitt |
            pepper mill | percolator | pitcher | popcorn maker | pressure cooker | rolling pin | salad bowl |
            salt cellar | serving tray | slow cooker | soup ladle | spatula | tea towel | tongs | waffle maker |
            whisk | wine rack | wok""",
        "home": """desk lamp | floor lamp | blanket | pillow | mattress | curtain | carpet | bookshelf | stool |
            side table | wardrobe | mirror | wall clock | vase | candle holder | bathroom scale | towel rack |
            shower head | soap dispenser | armchair | bar stool | bath mat | bean bag | bed frame | bedside table |
            bunk bed | cabinet | chandelier | clothes rail | clothes rack | coat hanger | coffee table | doormat |
            drying rack | duvet | foot rest | hat stand | ironing board | laundry basket | letterbox | mop | broom |
            night light | pillowcase | recliner | rocking chair | rug | shoe rack | sideboard | sofa | tablecloth |
            toilet brush | waste bin | window blind | dustpan | plunger""",
        "electronics": """keyboard | mouse | headset | speaker | microphone | webcam | monitor | printer | router |
            power bank | charger | tablet stand | phone case | screen protector | smart watch | fitness band |
            memory card | camera | camera bag | tripod | hard drive | loudspeaker | projector | radio | scanner |
            laptop sleeve | calculator | baby monitor | label maker | paper shredder | karaoke machine |
            record player | turntable""",
        "clothing": """raincoat | jacket | sweater | scarf | bathrobe | beanie | boots | bracelet | cufflinks |
            cycling gloves | dress | earrings | gloves | necklace | purse | sandals | shawl | slippers | sun hat |
            sunglasses | trousers | vest | waistcoat | wallet | handbag | watch strap | umbrella""",
        "sport": """bike helmet | bike lock | yoga mat | dumbbell | tent | sleeping bag | camping stove | backpack |
            fishing rod | football | frisbee | hammock | hiking pole | knee pads | paddling pool | punching bag |
            rowing machine | rucksack | skateboard | skipping rope | sledge | snorkel | stopwatch | surfboard |
            swimming goggles | tennis racket | trampoline | treadmill | goggles | compass | binoculars""",
        "tools": """drill | screwdriver set | hammer | tool box | ladder | garden hose | lawn mower | watering can |
            bucket | extension lead | flower pot | garden bench | garden gnome | jigsaw | patio heater | parasol |
            plant stand | saw | shovel | step stool | tape measure | wheelbarrow | workbench | wrench | fire pit |
            bird feeder""",
        "leisure": """toy train | puzzle | board game | guitar stand | violin case | music box | fountain pen |
            notebook | globe | whiteboard | bookmark | chess set | drawing board | easel | flip chart | guitar |
            harmonica | kite | letter opener | mandolin | metronome | music stand | paintbrush set | pencil case |
            piano bench | stapler | tambourine | teddy bear | toy box | trumpet | ukulele | xylophone |
            desk organiser""",
    },
    "zh": {
        "kitchen": """水壶 烤面包机 榨汁机 咖啡机 电饭煲 平底锅 汤锅 砧板 刀具套装 茶壶 调料架 冰箱 制冰机 面包箱 煮蛋器 围裙
            洗碗机 微波炉 烤箱 空气炸锅 豆浆机 破壁机 绞肉机 打蛋器 电磁炉 压力锅 炒锅 砂锅 蒸笼 漏勺 锅铲 擀面杖 菜刀 水果刀
            开瓶器 酒杯 茶杯 茶盘 果盘 筷子 汤碗 餐垫 密封罐 调味瓶 冰桶 冷水壶""",
        "home": """台灯 落地灯 毛毯 枕头 床垫 窗帘 地毯 书架 凳子 茶几 衣柜 镜子 挂钟 花瓶 烛台 毛巾架 花洒 沙发 扶手椅 躺椅
            摇椅 吧台椅 餐桌 书桌 床头柜 鞋柜 鞋架 衣架 晾衣架 收纳箱 收纳盒 抱枕 被套 床单 枕套 浴巾 毛巾 肥皂盒 垃圾桶 拖把
            扫帚 洗衣篮 熨衣板 桌布 吊灯 壁灯 夜灯 屏风 地垫 浴帘 百叶窗""",
        "electronics": """键盘 鼠标 耳机 音箱 麦克风 摄像头 显示器 打印机 路由器 充电宝 充电器 平板支架 手机壳 手环 相机包 三脚架
            存储卡 收音机 唱片机 投影仪 扫描仪 碎纸机 计算器 硬盘 优盘 读卡器 键盘托 显卡 电池盒 对讲机""",
        "clothing": """雨衣 夹克 毛衣 围巾 浴袍 拖鞋 凉鞋 靴子 运动鞋 手套 帽子 皮带 领带 裙子 裤子 衬衫 背心 羽绒服 墨镜 项链
            手链 耳环 戒指 胸针 手提包 钱包 雨伞""",
        "sport": """头盔 车锁 瑜伽垫 哑铃 帐篷 睡袋 泳镜 跑步机 划船机 跳绳 拉力器 健身球 滑板 轮滑鞋 自行车 滑雪板 冲浪板 钓鱼竿
            登山杖 吊床 野餐篮 指南针 背包""",
        "tools": """电钻 螺丝刀 锤子 工具箱 梯子 水管 割草机 洒水壶 花盆 花架 喷壶 铁锹 锯子 扳手 钳子 卷尺 工作台 手推车
            插线板""",
        "leisure": """玩具火车 拼图 积木 钢笔 笔记本 地球仪 白板 订书机 文件夹 书签 台历 毛笔 砚台 画架 调色盘 吉他 二胡 古筝 口琴
            尤克里里 钢琴凳 乐谱架 节拍器 风筝 陀螺 魔方 象棋 围棋 扑克牌 拨浪鼓""",
    },
}

# What a part can be ("the lid is ...", in Chinese after the part) and do ("the lid ..."), by kind.
_STATES = {
    "en": {
        "damaged": """cracked | bent | broken | torn | scratched | dented | chipped | warped | split in two | worn out |
            pierced | punctured | frayed | unravelling | creased | crumpled | splintered | squashed | flattened |
            bitten through | falling apart | coming off | peeling off | flaking""",
        "faulty": """stuck | jammed | completely dead | not turning | not closing | not charging | not responding |
            blocked | disconnected | clogged | turning backwards""",
        "dirty": """stained | full of dust | mouldy | sticky | greasy | covered in dirt | covered in glue | damp |
            marked with pen | full of hair | black with soot""",
        "wrong": """the wrong colour | the wrong size | too short | too tight | too wide | too narrow | too big |
            too small | made of plastic | not fitting | of another model""",
        "missing": "missing | not included | not in the box | nowhere to be found | lacking",
        "noisy": "too loud | squeaking | grinding | rattling | whistling | humming loudly | creaking",
        "unsafe": """burnt | overheating | smelling of smoke | sparking | boiling hot | on fire | live with current |
            melting""",
    },
    "zh": {
        "damaged": """裂了 弯了 断了 刮花了 凹了一块 破了 变形了 散架了 磨损严重 被扎穿 脱线 起球 起皱 塌了 有划痕 被咬坏 压扁了
            开裂 掉漆了 脱胶了 开胶 掉下来了 缺了一角""",
        "faulty": """卡住了 完全没反应 转不动 关不上 打不开 充不进电 接触不良 不亮 没电 没声音 不热 反着转 死机 黑屏 花屏 卡顿 失灵
            堵住了 堵死了 拔不出来 合不拢""",
        "dirty": "有污渍 全是灰 发霉了 粘手 油腻 有胶水 很脏 全是头发 有泥",
        "wrong": "颜色不对 尺寸不对 太短 太紧 太宽 太窄 太大 太小 装不上 对不上 型号不对",
        "missing": "少了一个 没有配 少了螺丝 不见了 缺失 漏发了",
        "noisy": "噪音太大 吱吱响 咔咔响 嗡嗡响 声音太吵 发出怪声",
        "unsafe": "烧坏了 发烫 有焦味 太烫 打火花 短路 漏电 跳闸 冒烟 起火了",
    },
}
_EVENTS = {
    "damaged": """came off | fell apart | broke | snapped | tore open | shattered | split open | gave way | fell off |
        bent under my hand | peeled away""",
    "faulty": """stopped working | will not close | will not open | does not turn | does not light up | never worked |
        shows an error | switches itself off | jams every time | went dark | got stuck | turns the wrong way |
        reacts far too late | refuses to start | shuts down after a minute | no longer holds its charge |
        no longer rolls | no longer locks""",
    "dirty": "leaves black marks | came with stains | came full of dust | smells of fish",
    "wrong": "does not fit | does not reach the wall | belongs to another model",
    "missing": "was left out | was forgotten | did not come with it",
    "noisy": """makes a loud noise | rattles all the time | hums the whole night | beeps without end | squeaks |
        makes a terrible noise""",
    "unsafe": """melted | started to smoke | gets far too hot | blew a fuse | trips the fuse | gives off smoke |
        sparks when touched | exploded | caught fire""",
}

_NUMBER = "[two|three|four|five|six|seven|eight|nine|ten]"
_PIECES = "[pieces|screws|parts|cables|keys|pages|bolts|batteries|labels|covers|bottles|boxes|sets]"
_PARCEL = "[the parcel|the box|the package|the delivery|my order|the carton|the bag|the letter|the crate|the shipment|our order]"
_IT = "[it|the article|the thing|this one|the whole set|everything]"
_WHO = (
    "[the courier|the driver|your shop|your team|the post office|the warehouse|the branch|your clerk|your hotline|"
    "the manager]"
)
COMPLAINTS = {
    "en": {
        "late": (
            f"{_PARCEL} [never arrived|arrived far too late|is still in customs|has not moved for days|is weeks late|"
            "was held up|came too late|is still on its way|is overdue]",
            "[half|most|all] of [the order|the set|the delivery|the bundle] [came too late|never came|is overdue]",
            "the tracking [has not changed|stands still] [for days|for weeks|since last week]",
        ),
        "missing": (
            f"{_NUMBER} {_PIECES} [are missing|were missing|were not in the box|were left out]",
            "[half|a third|a part] of [the order|the set|the delivery|the bundle] [is missing|was missing|was left out]",
            "[the invoice|the receipt|the manual|the warranty card|the screws|the cable] [is missing|was not included]",
            f"{_PARCEL} [arrived empty|was empty]",
        ),
        "service": (
            f"{_WHO} [never rang the bell|did not answer my mail|promised another date|lost the papers|was rude|"
            "hung up on me|was no help|laughed at me|never called back|does not pick up]",
            "I [cannot reach anybody|got no answer|was kept waiting on the phone|was sent from one desk to another]",
        ),
        "payment": (
            "I [was charged twice|was billed in another currency|paid more than shown|was charged too much|"
            "was billed twice]",
            "[the discount|the credit|the rebate|the voucher] [was not applied|was forgotten|was too small|was refused]",
            "[the invoice|the receipt|the bill] [shows the wrong amount|is too high|counts it twice]",
            "my [payment|card] was [taken twice|charged twice|charged by mistake]",
        ),
        "damaged": (
            f"{_PARCEL} [arrived in pieces|was crushed|was torn|arrived broken]",
            f"{_NUMBER} {_PIECES} [were broken|are broken|are cracked|were crushed]",
            "[half|a third|most|all] of the [pieces|parts|bottles|plates] [are broken|were crushed|are cracked]",
        ),
        "dirty": (
            f"{_PARCEL} [arrived wet|arrived mouldy|was full of dust|was covered in dirt]",
            f"{_IT} [smells terrible|was full of stains|is covered in dirt|is full of hair|was not clean]",
            f"{_NUMBER} {_PIECES} [are dirty|are stained|are mouldy]",
        ),
        "wrong": (
            f"{_IT} [is an older model|came in the wrong size|came in the wrong colour|does not match the picture|"
            "is not what I chose|is much smaller than shown|is not what I ordered]",
            "I [got the wrong one|got somebody else's order|got another model|never ordered this]",
            f"{_NUMBER} {_PIECES} [are of another make|do not match|are the wrong size]",
        ),
        "faulty": (
            f"{_IT} [does not work at all|never started|stopped working|shows an error|does not switch on|"
            "switches itself off|is completely dead|no longer works]",
        ),
        "noisy": (
            f"{_IT} [is far too loud|makes a terrible noise|squeaks all day|whistles all day|hums the whole night|"
            "beeps without end|rattles at every step]",
        ),
        "unsafe": (
            f"{_IT} [caught fire|gives off smoke|throws sparks|gave me a shock|smells of burning|gets dangerously hot|"
            "started to burn|nearly exploded]",
        ),
    },
    "zh": {
        "late": (
            "[包裹|箱子|快递|货物|盒子|整个包裹|整箱货][一直没到|到得太晚|还在海关|好几天没动|迟了好几天|还没送到|晚到了一周]",
            "[物流|快递信息][好几天|一周|一直]没更新",
        ),
        "missing": (
            "[少了|缺了|漏了][一|两|三|四|五|六|七|八][颗螺丝|个零件|根线|本说明书|节电池|块板子|个盖子|张卡|把钥匙|个瓶子]",
            "[发票|收据|说明书|保修卡|螺丝|电源线][没有放|没有收到|漏放了]",
            "[包裹|箱子|盒子]是空的",
        ),
        "service": (
            "[快递员|司机|你们店|客服|仓库|门卫|店员|经理][没有按门铃|态度很差|没有回邮件|答应的没做到|弄丢了单据|挂了我的电话|"
            "一直不接电话|不理我]",
        ),
        "payment": (
            "[货款|钱|费用|订单][被扣了两次|扣多了|重复扣款了|算错了]",
            "[优惠|折扣|优惠券|积分][没有生效|没有算进去|被忘记了]",
            "[发票|账单|收据]金额[不对|多了|算错了]",
        ),
        "damaged": (
            "[包裹|箱子|快递|货物|盒子|整箱货][被压扁了|破了一个洞|摔坏了|碎了]",
            "[坏了|碎了|裂了][一|两|三|四|五|六|七|八][个零件|根线|块板子|个盖子|个瓶子|个盘子]",
        ),
        "dirty": (
            "[包裹|箱子|货物|盒子][淋湿了|发霉了|全是灰|沾满了泥]",
            "[商品|东西|收到的|这一件|整套][味道很难闻|很脏|全是污渍|沾了油]",
        ),
        "wrong": (
            "[商品|东西|收到的|这一件|整套][比图片小很多|与图片不符|是旧款|颜色发错了|尺码发错了|不是我选的|型号发错了]",
            "[发来的|收到的]是[别的商品|别人的订单|另一款]",
        ),
        "faulty": (
            "[商品|东西|收到的|这一件|整套][完全不能用|开不了机|用不了|不工作了|一直报错|自己会关机]",
        ),
        "noisy": (
            "[商品|东西|收到的|这一件|整套][声音太大|整夜嗡嗡响|一直吱吱响|吵得睡不着|噪音很大]",
        ),
        "unsafe": (
            "[商品|东西|收到的|这一件|整套][起火了|冒烟了|打火花|把我电了一下|有烧焦味|烫得吓人|差点爆炸]",
        ),
    },
}  # fmt: skip

_EVENT = "[The party|The wedding|The exam|The trip|The fair|The move|The opening]"
SENTENCES = {
    "en": {
        "deadline": (
            "[I|We] need [it|everything|a solution] [by|before|no later than] {date}.",
            "[It|This|Everything] [must be|has to be] [here|settled|done] [by|before] {date}.",
            f"{_EVENT} [is|starts] on {{date}} [already|].",
            "[Our|The|My] deadline is {date}.",
            "After {date} it is [of no use|too late] [to me|to us|].",
        ),
        "regular": (
            "[I|We] have been [a customer|customers|a client|clients] for {days} years.",
            "[I|We] [buy|order|shop] [from you|here|in your shop] [every month|every week|every year|all the time].",
            "This is [my|our] [fifth|ninth|tenth|twelfth|twentieth] order [with you|here].",
            "[I am a regular customer|We are regular customers|I am a loyal customer|We are loyal customers] [of yours|].",
        ),
        "new": (
            "This is [my|our] first order [with you|here].",
            "[I|We] never bought [here|from you] before.",
            "[I am|We are] new [here|in your shop].",
        ),
        "refund": (
            "[Please|Kindly] [refund me|refund {amount}|send the money back|pay me back|return the money].",
            "[I|We] [want|expect|demand|ask for] [the money back|a refund|my money back|a full refund].",
        ),
        "exchange": (
            "[Please|Kindly] [send a new one|exchange it|send another one|replace it|swap it].",
            "[I|We] [want|expect|demand|ask for] [a new one|another one|an exchange|a replacement].",
        ),
        "repair": (
            "[Please|Kindly] [repair it|mend it|fix it|have it repaired|send a mechanic].",
            "[I|We] [want|expect|demand|ask for] [a repair|a free repair|a mechanic].",
        ),
        "reply": (
            "[Please|Kindly] [call me back|answer|write back|advise|let me know].",
            "[I|We] [want|expect|ask for] [an answer|a reply|a call|an explanation].",
            "[I|We] look forward to your [answer|reply].",
        ),
        "none": ("[Thanks|Thank you|Many thanks].",),
        "aside": (
            "[I|We] [waited|have waited] {days} days [for it|].",
            "[I|We] live in {city}.",
            "[The courier|My neighbour|My colleague|Your colleague] [was called|is called|was] {other}.",
            "[I|We] paid {amount} [in all|for it|].",
            "It [was delivered|arrived|came] on {date}.",
            "[My neighbour|My colleague] {other} [took it in|saw it as well|was there].",
            "It was [meant as|] a gift for {other}.",
            "[The shop|Your shop|The branch] in {city} could not help.",
            "[I|We] [called|wrote to] you on {date} [already|].",
            "[I|We] spoke to {other} from your [team|shop].",
            "[Photos|Pictures|The receipt] [are attached|can be sent].",
            "[I|We] like your [shop|products].",
        ),
    },
    "zh": {
        "deadline": (
            "[我|我们][必须|一定要|需要]在{date}[前|之前][收到|用上|拿到|解决]。",
            "[最晚|最迟]{date}[要用|要到|要解决]。",
            "{date}[有婚礼|要搬家|要考试|要出差|有展会|就要出发|要开业]。",
            "[期限|截止日期|最后期限]是{date}。",
            "过了{date}就[来不及了|没有用了|太晚了]。",
        ),
        "regular": (
            "[我|我们]是[你们的|][老客户|老顾客|老用户|老会员][了|]。",
            "[我|我们]在[你们店|这里|你们家][买了|消费了]{days}年[了|]。",
            "[我|我们][每个月|每周|每年|经常][都在你们店|都在这里|都来你们家][买东西|下单|购买]。",
            "[这是|这已经是][我|我们]第[十|八|五|二十|十二]次[下单|购买|光顾]。",
        ),
        "new": (
            "[我|我们]第一次在[这里|你们店|你们家][买东西|下单|购买]。",
            "[我|我们]是新[客户|顾客|用户]。",
            "[我|我们]以前没在[这里|你们店|你们家]买过。",
        ),
        "refund": (
            "[请|麻烦][尽快|马上|][退款|退钱|把钱退给我|全额退款]。",
            "[请|麻烦][尽快|]退还{amount}。",
            "[我|我们][要|想|要求|希望][退款|退钱|把钱退回来|全额退款]。",
        ),
        "exchange": (
            "[请|麻烦][尽快|马上|][换货|换一个新的|重新发货|换一件]。",
            "[我|我们][要|想|要求|希望][换货|换新的|换一个|换一件新的]。",
        ),
        "repair": (
            "[请|麻烦][尽快|马上|][维修|修理|修一下|派人来修]。",
            "[我|我们][要|想|要求|希望][维修|修理|免费维修|有人来修]。",
        ),
        "reply": (
            "[请|麻烦][尽快|马上|][回电|回复|答复|给个说法]。",
            "[我|我们][要|想要|希望有|等着][答复|回复|一个解释]。",
            "希望[尽快|早日|马上][答复|回复]。",
        ),
        "none": ("[谢谢|多谢|感谢]。",),
        "aside": (
            "[我|我们]等了{days}天。",
            "[我|我们]住在{city}。",
            "快递员[是|叫]{other}。",
            "[一共|总共]付了{amount}。",
            "{date}[送到|收到]的。",
            "[{other}帮我收的|同事{other}也看到了|之前联系过{other}]。",
            "[照片已附上|发票已附上|有照片]。",
            "这是送给{other}的礼物。",
            "{city}的门店也没办法。",
            "[我|我们]{date}[打过电话|来过信]。",
            "物流用了{days}天。",
        ),
    },
}
LABELS = {
    "en": {
        "deadline": ("[Needed|Wanted|Required] by", "[Last|Latest] [day|date]", "Deadline"),
        "regular": ("[Customer|Client] since", "[Earlier|Former] orders"),
        "wish": ("[Wish|Request|Wanted|Demand|Solution wanted]",),
    },
    "zh": {
        "deadline": ("[最晚|最迟][日期|时间]", "截止日期", "期限"),
        "regular": ("[客户|会员]年限", "以前的订单数"),
        "wish": ("[希望|要求|诉求|期望的处理]",),
    },
}
# What a form's lines say; a wish that is "none" has no line.
FORM_VALUES = {
    "en": {
        "regular": ("{days} [years|]",),
        "new": ("[none|0|no|new]",),
        "refund": ("[refund|money back|refund of {amount}]",),
        "exchange": ("[exchange|a new one|replacement]",),
        "repair": ("[repair|mend it|a mechanic]",),
        "reply": ("[reply|an answer|call back]",),
    },
    "zh": {
        "regular": ("{days}[年|]",),
        "new": ("[无|0|没有|新客户]",),
        "refund": ("[退款|退钱|退还{amount}]",),
        "exchange": ("[换货|换新的|换一个]",),
        "repair": ("[维修|修理|派人来修]",),
        "reply": ("[回复|答复|回电]",),
    },
}


def _listed(text: str, separator: str | None) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(separator))


@cache
def nouns(language: str, group: str) -> tuple[str, ...]:
    """The nouns of one group of products."""
    return _listed(_NOUNS[language][group], "|" if language == "en" else None)


@cache
def states(language: str, kind: str) -> tuple[str, ...]:
    """What a part can be, for a kind of complaint; () for the kinds that are not about parts."""
    return _listed(_STATES[language][kind], "|" if language == "en" else None) if kind in _STATES[language] else ()


@cache
def events(kind: str) -> tuple[str, ...]:
    """What a part can do, in English."""
    return _listed(_EVENTS[kind], "|")
