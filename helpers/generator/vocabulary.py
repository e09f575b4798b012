"""Word pools of the ticket generator, each split once into a training side and a held-out side.

Names come from Faker's provider lists, places and month names from Faker and Babel (CLDR). What is sold and what goes
wrong with it is listed here and combined. A word's side follows from its CRC-32, so it never depends on list order.
"""

import zlib
from functools import cache
from importlib import import_module

HELD_OUT_PERCENT = 15

ENGLISH_LOCALES = ("en_US", "en_GB", "en_IN", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL", "sv_SE", "tr_TR")


def is_held_out(word: str) -> bool:
    """Whether `word` belongs to the side that training text never draws from (about 15% of all words)."""
    return zlib.crc32(word.encode("utf-8")) % 100 < HELD_OUT_PERCENT


@cache
def pool(name: str, held_out: bool) -> tuple[str, ...]:
    """The words of pool `name` on one side, sorted."""
    words = sorted({word for word in POOLS[name]() if is_held_out(word) == held_out})
    if not words:
        raise ValueError(f"pool {name!r} is empty on the {'held-out' if held_out else 'training'} side")
    return tuple(words)


def _provider(kind: str, locale: str):
    return import_module(f"faker.providers.{kind}.{locale}").Provider


def _latin(word: str) -> bool:
    return word.isalpha() and all(ord(c) < 0x250 for c in word) and word[0].isupper() and word[1:].islower()


def _english_first_names() -> set[str]:
    names = set()
    for locale in ENGLISH_LOCALES:
        provider = _provider("person", locale)
        for attribute in ("first_names_male", "first_names_female", "first_names"):
            names.update(getattr(provider, attribute, ()))
    return {name for name in names if _latin(name) and 3 <= len(name) <= 10}


def _english_last_names() -> set[str]:
    names = set()
    for locale in ENGLISH_LOCALES:
        names.update(_provider("person", locale).last_names)
    return {name for name in names if _latin(name) and 3 <= len(name) <= 11}


def _chinese_last_names() -> set[str]:
    return set(_provider("person", "zh_CN").last_names)


def _chinese_first_names() -> set[str]:
    provider = _provider("person", "zh_CN")
    singles = sorted({c for name in (*provider.first_names_male, *provider.first_names_female) for c in name})
    pairs = {a + b for i, a in enumerate(singles) for b in singles[i % 7 :: 7]}
    return set(singles) | pairs


def _english_cities() -> set[str]:
    from faker.providers.address.en_GB import Provider

    return {
        a + b
        for a in _english_last_names()
        if len(a) < 7 and a.isascii()
        for b in Provider.city_suffixes
        if b.isalpha()
    }


def _chinese_cities() -> set[str]:
    return {city.rstrip("市县") for city in _provider("address", "zh_CN").cities}


def months(language: str) -> tuple[str, ...]:
    """The twelve month names of `language` from CLDR."""
    from babel.dates import get_month_names

    return tuple(get_month_names("wide", locale={"en": "en", "zh": "zh_CN"}[language]).values())


def _brands() -> set[str]:
    onsets = "B Br C Cl D Dr F Fl G Gr H J K Kl L M N P Pl Qu R S St T Tr V W Z".split()
    middles = "a e i o u al an ar el en er il in or un ova ira eno ami".split()
    ends = "bex dra fin gor kan lo lux mar na nix pa rim ro sen ta tek ton vo wick zo".split()
    return {a + b + c for a in onsets for b in middles for c in ends}


def _chinese_brands() -> set[str]:
    characters = "华美康乐佳宝安达瑞星云海天源金银玉龙凤鹏飞远航松柏兰竹梅雅洁清泉新光明辉腾越"
    characters += "博思创维科力恒泰丰盛和顺百千万优品尚"
    return {a + b for i, a in enumerate(characters) for b in characters[i % 3 :: 3] if a != b}


def _words(text: str):
    return lambda: set(text.split())


_MATERIALS = """
oak walnut bamboo steel copper glass ceramic cotton linen wool leather silicone marble cork velvet plastic
aluminium brass canvas felt rattan granite enamel nylon titanium maple pine slate folding portable compact
wireless electric digital waterproof foldable adjustable heavy insulated mini round square double travel
outdoor vintage rustic magnetic solar rechargeable quilted striped padded woven
"""

_NOUNS = """
desk lamp | floor lamp | kettle | toaster | blender | coffee grinder | rice cooker | frying pan | saucepan |
cutting board | knife set | teapot | thermos | lunch box | water bottle | backpack | suitcase | handbag |
wallet | umbrella | raincoat | jacket | sweater | scarf | blanket | pillow | mattress | curtain | carpet |
bookshelf | office chair | stool | side table | wardrobe | mirror | wall clock | alarm clock | photo frame |
vase | candle holder | keyboard | mouse | headset | speaker | microphone | webcam | monitor | printer |
router | power bank | charger | tablet stand | phone case | screen protector | smart watch | fitness band |
bike helmet | bike lock | yoga mat | dumbbell | tent | sleeping bag | camping stove | torch | drill |
screwdriver set | hammer | tool box | ladder | garden hose | lawn mower | watering can | bird feeder |
dog bed | cat tower | fish tank | toy train | puzzle | board game | baby monitor | stroller | hair dryer |
shaver | toothbrush | bathroom scale | towel rack | shower head | soap dispenser | vacuum cleaner |
steam iron | air purifier | humidifier | fan heater | ceiling fan | sewing machine | guitar stand |
violin case | music box | fountain pen | notebook | globe | telescope | camera bag | tripod | memory card |
label maker | paper shredder | whiteboard | spice rack | wine cooler | ice maker | bread bin | pizza stone |
waffle iron | egg boiler
"""

_PARTS = """
lid handle hinge base cable plug switch button screen display battery charger strap zip seam lining wheel
bracket screw spring filter motor blade nozzle cap cover frame panel shelf drawer leg cushion fabric coating
paint label box manual remote sensor dial knob lens stand clip hook pump hose valve fan lamp cord socket pedal
belt rim spout thermostat timer speaker sleeve collar pocket tray rack
"""

_STATES = """
cracked | bent | broken | loose | missing | scratched | dented | stuck | torn | faded | burnt | rusty |
leaking | jammed | chipped | stained | warped | too short | too tight | too loud | the wrong colour |
the wrong size | not included | completely dead | badly glued | coming off | peeling off | full of dust |
covered in rust | falling apart | overheating | vibrating | flickering | squeaking | smelling of smoke |
not fitting | not turning | not closing | not charging | not responding | split in two | worn out |
sharp at the edge | soaked | mouldy | crooked | blocked | disconnected | frozen | discoloured
"""

_EVENTS = """
stopped working | came off | fell apart | broke | snapped | melted | tore open | started to leak |
started to smoke | lost its colour | turned yellow | will not close | will not open | does not fit |
does not turn | does not light up | makes a loud noise | gets far too hot | keeps slipping |
keeps falling out | never worked | blew a fuse | shows an error | switches itself off | rattles all the time |
trips the fuse | scratches the floor | smells of plastic | jams every time | wobbles badly
"""

_TAILS = """
on the first day | after one week | after two days | after one wash | since yesterday | since this morning |
on both sides | on the left side | on the right side | at the back | at the bottom | near the top |
out of the box | at every use | all the time | after the second use | when it is warm | when it is cold |
right after unpacking | along the edge
"""

_WHOLE = """
the parcel never arrived | the parcel arrived empty | the wrong item was sent | one piece is missing |
two pieces are missing | half of the order is missing | it arrived far too late |
it was sent to my old address | I was charged twice | the refund never came |
the invoice shows the wrong amount | the discount was not applied | it arrived opened | it arrived used |
it arrived in pieces | the box was crushed | the seal was broken | no manual was included |
the instructions are in the wrong language | the warranty card is missing |
the tracking has not moved for days | the courier never rang the bell | the exchange was refused |
it came in the wrong size | it came in the wrong colour | it is much smaller than shown |
it does not match the picture | the gift note was left out | the delivery was left in the rain |
the return label does not work | the price changed after I paid | it expired last month |
the serial number is not accepted | the spare parts were forgotten | the order was cancelled without notice |
my payment was taken but nothing was sent
"""

_ZH_MATERIALS = """
橡木 胡桃木 竹制 不锈钢 紫铜 玻璃 陶瓷 纯棉 亚麻 羊毛 真皮 硅胶 大理石 软木 丝绒 塑料 铝合金 帆布 毛毡 藤编
钛金属 松木 折叠 便携 迷你 无线 电动 数码 防水 可调节 加厚 保温 圆形 方形 双层 旅行 户外 复古 磁吸 太阳能
充电式 条纹 编织 智能 静音 儿童 家用 商务 大容量
"""

_ZH_NOUNS = """
台灯 落地灯 水壶 烤面包机 榨汁机 咖啡机 电饭煲 平底锅 汤锅 砧板 刀具套装 茶壶 保温杯 饭盒 水杯 背包 行李箱
手提包 钱包 雨伞 雨衣 夹克 毛衣 围巾 毛毯 枕头 床垫 窗帘 地毯 书架 办公椅 凳子 茶几 衣柜 镜子 挂钟 闹钟 相框
花瓶 烛台 键盘 鼠标 耳机 音箱 麦克风 摄像头 显示器 打印机 路由器 充电宝 充电器 平板支架 手机壳 手表 手环 头盔
车锁 瑜伽垫 哑铃 帐篷 睡袋 炉子 手电筒 电钻 螺丝刀 锤子 工具箱 梯子 水管 割草机 洒水壶 猫爬架 狗窝 鱼缸
玩具火车 拼图 积木 婴儿车 吹风机 剃须刀 牙刷 体重秤 毛巾架 花洒 吸尘器 熨斗 净化器 加湿器 暖风机 吊扇 缝纫机
钢笔 笔记本 地球仪 望远镜 相机包 三脚架 存储卡 白板 调料架 冰箱 制冰机 面包箱 煮蛋器
"""

_ZH_PARTS = """
盖子 把手 底座 电线 插头 开关 按钮 屏幕 电池 背带 拉链 接缝 内衬 轮子 支架 螺丝 弹簧 滤网 电机 刀片 喷嘴 外壳
面板 抽屉 桌腿 靠垫 布料 涂层 标签 说明书 遥控器 感应器 旋钮 镜头 夹子 挂钩 水泵 软管 阀门 风扇 灯泡 插座 踏板
皮带 壶嘴 温控器 定时器 喇叭 袖子 领口 口袋 托盘
"""

_ZH_STATES = """
裂了 弯了 断了 松了 少了一个 刮花了 凹了一块 卡住了 破了 掉色了 烧坏了 生锈了 漏水 堵住了 缺了一角 有污渍
变形了 太短 太紧 噪音太大 颜色不对 尺寸不对 没有配 完全没反应 脱胶了 掉漆了 全是灰 散架了 发烫 一直抖动 一直闪
吱吱响 有焦味 装不上 转不动 关不上 打不开 充不进电 磨损严重 发霉了 歪了 接触不良 结冰了 变黄了 起泡了 掉下来了
有异味 不亮
"""

_ZH_TAILS = """
第一天就 用了一周就 洗一次就 昨天开始 今天早上开始 刚拆开就 左边的 右边的 背面的 底部的 两边的 里面的
"""

_ZH_WHOLE = """
包裹一直没到 包裹是空的 发错货了 少发了一件 少发了两件 只收到一半 到货太晚 寄到旧地址了 被重复扣款
退款一直没到账 发票金额不对 优惠没有生效 到货时已拆封 收到的是旧货 收到时已经碎了 箱子被压扁了 封条破了
没有说明书 保修卡没有放 物流好几天没更新 快递没有按门铃 换货被拒绝 尺码发错了 颜色发错了 比图片小很多
与图片不符 漏了礼品卡 包裹淋湿了 退货单用不了 付款后涨价了 已经过期 序列号无效 配件漏发了 订单被无故取消
钱扣了没发货
"""

POOLS = {
    "en_first": _english_first_names,
    "en_last": _english_last_names,
    "zh_first": _chinese_first_names,
    "zh_last": _chinese_last_names,
    "en_city": _english_cities,
    "zh_city": _chinese_cities,
    "brand": _brands,
    "zh_brand": _chinese_brands,
    "en_material": _words(_MATERIALS),
    "en_noun": lambda: {" ".join(noun.split()) for noun in _NOUNS.split("|")},
    "en_part": _words(_PARTS),
    "en_state": lambda: {" ".join(state.split()) for state in _STATES.split("|")},
    "en_event": lambda: {" ".join(event.split()) for event in _EVENTS.split("|")},
    "en_tail": lambda: {" ".join(tail.split()) for tail in _TAILS.split("|")},
    "en_whole": lambda: {" ".join(whole.split()) for whole in _WHOLE.split("|")},
    "zh_material": _words(_ZH_MATERIALS),
    "zh_noun": _words(_ZH_NOUNS),
    "zh_part": _words(_ZH_PARTS),
    "zh_state": _words(_ZH_STATES),
    "zh_tail": _words(_ZH_TAILS),
    "zh_whole": _words(_ZH_WHOLE),
}
