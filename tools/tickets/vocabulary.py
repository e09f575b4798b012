"""Word pools of the ticket generator, nearly all split once into a training side and a held-out side.

Names come from Faker's provider lists, places and month names from Faker and Babel (CLDR). What is sold and what goes
wrong with it is listed here and combined. A word's side follows from its CRC-32, so it never depends on list order.
"""

import zlib
from functools import cache
from importlib import import_module

HELD_OUT_PERCENT = 15
# What products are made of is held out in pairs, not word by word: any language model knows the words "smoke alarm".
SHARED = ("en_material", "en_noun", "zh_material", "zh_noun")

ENGLISH_LOCALES = ("en_US", "en_GB", "en_IN", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL", "sv_SE", "tr_TR")


def is_held_out(word: str) -> bool:
    """Whether `word` belongs to the side that training text never draws from (about 15% of all words)."""
    return zlib.crc32(word.encode("utf-8")) % 100 < HELD_OUT_PERCENT


@cache
def pool(name: str, held_out: bool) -> tuple[str, ...]:
    """The words of pool `name` on one side, sorted; a pool in SHARED is the same on both."""
    words = sorted({word for word in POOLS[name]() if name in SHARED or is_held_out(word) == held_out})
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
acrylic alloy antique antislip ash beech birch bronze cashmere cedar cherry chestnut chrome clay concrete
corduroy cordless crystal denim ebony elastic embroidered engraved ergonomic fleece floral foam
galvanised gilded glazed graphite handmade hemp ivory jade jute knitted lacquered laminated latex
lightweight mahogany mesh mohair mosaic neoprene oiled organic paper patterned pearl pewter plaid
polished polyester porcelain pressed printed quartz raffia recycled reinforced reversible rigid rubber
satin seagrass shatterproof silk silver soft spruce stackable stainless stoneware suede teak terracotta
tinted transparent tweed varnished vegan vinyl waxed wicker willow zinc automatic retractable detachable
extendable inflatable washable heated cooling silent giant slim deluxe junior hanging wall-mounted
battery-powered bluetooth thermal tactical orthopaedic scented frosted brushed hammered
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
waffle iron | egg boiler |
apron | armchair | ashtray | baking tray | bar stool | bath mat | bathrobe | beach towel | bean bag |
bed frame | bedside table | beanie | bench | binoculars | bookmark | boots | bottle opener | bracelet |
bread knife | briefcase | broom | bucket | bunk bed | butter dish | cabinet | cake stand | calculator |
camera | candle | car seat | card holder | casserole | chandelier | cheese grater | chess set |
chopping board | clothes rail | clothes rack | coat hanger | coaster | cocktail shaker | coffee table |
colander | compass | cooking pot | cooler bag | corkscrew | cot | crib | cufflinks | cycling gloves |
deck chair | desk organiser | dishwasher | display case | doormat | doorbell | drawing board | dress |
drying rack | duffel bag | dustpan | duvet | earrings | easel | egg timer | electric fan | extension lead |
fire pit | fishing rod | flask | flip chart | flower pot | food processor | foot rest | football |
frisbee | fruit bowl | garden bench | garden gnome | glasses case | gloves | goggles | gravy boat | grill |
guitar | hairbrush | hammock | hand blender | hard drive | harmonica | hat stand | heating pad |
hiking pole | hot plate | hourglass | ironing board | jewellery box | jigsaw | juicer | jug |
karaoke machine | key ring | kite | knee pads | laptop sleeve | lantern | laundry basket | letter opener |
letterbox | lighter | loudspeaker | luggage scale | magnifier | mandolin | massage gun | measuring jug |
meat grinder | metronome | microwave | milk frother | mixing bowl | money clip | mop | muffin tin |
music stand | napkin ring | necklace | night light | oven mitt | paddling pool | paintbrush set | parasol |
patio heater | pencil case | pepper mill | percolator | piano bench | picnic basket | pillowcase |
pitcher | placemat | plant stand | playpen | plunger | pocket knife | popcorn maker | pressure cooker |
projector | punching bag | purse | rack | radio | record player | recliner | rocking chair | rolling pin |
rowing machine | rucksack | rug | salad bowl | salt cellar | sandals | saw | scanner | scissors |
serving tray | shawl | shoe rack | shopping trolley | shovel | sideboard | skateboard | skipping rope |
sledge | slippers | slow cooker | smoke alarm | snorkel | sofa | solar panel | soup ladle | spatula |
sponge holder | stapler | step stool | stopwatch | string lights | sun hat | sunglasses | surfboard |
swimming goggles | tablecloth | tambourine | tape measure | tea towel | teddy bear | tennis racket |
thermometer | toilet brush | tongs | toy box | trampoline | treadmill | trolley | trousers | trumpet |
turntable | ukulele | vest | waffle maker | waistcoat | walking stick | washboard | washing machine |
waste bin | watch strap | water filter | weighing scale | wheelbarrow | whisk | wind chime | window blind |
wine rack | wok | workbench | wreath | wrench | xylophone
"""

_PARTS = """
lid handle hinge base cable plug switch button screen display battery charger strap zip seam lining wheel
bracket screw spring filter motor blade nozzle cap cover frame panel shelf drawer leg cushion fabric coating
paint label box manual remote sensor dial knob lens stand clip hook pump hose valve fan lamp cord socket pedal
belt rim spout thermostat timer speaker sleeve collar pocket tray rack
antenna arm axle bag bearing blind bolt bottom bowl bulb buckle bumper catch chain clamp clasp connector
corner crank decal door edge elastic fastener faceplate flap foot fuse gasket gauge gear gearbox glass
grille grip groove guard hem holder hood housing insert jack joint keypad latch lever lock magnet
mouthpiece neck needle nut padding peg pin pipe plate pulley rail ratchet roller rope rubber rung seal
seat shaft shell shutter spindle spoke spool stitching stopper surface tap tip trigger tube tyre
underside velcro washer weld wick window wiring
"""

_STATES = """
cracked | bent | broken | loose | missing | scratched | dented | stuck | torn | faded | burnt | rusty |
leaking | jammed | chipped | stained | warped | too short | too tight | too loud | the wrong colour |
the wrong size | not included | completely dead | badly glued | coming off | peeling off | full of dust |
covered in rust | falling apart | overheating | vibrating | flickering | squeaking | smelling of smoke |
not fitting | not turning | not closing | not charging | not responding | split in two | worn out |
sharp at the edge | soaked | mouldy | crooked | blocked | disconnected | frozen | discoloured |
half open | upside down | far too heavy | too wide | too narrow | too big | too small | unevenly cut |
unstable | sticky | rough | rotten | wet | damp | greasy | cloudy | pierced | punctured | frayed |
unravelling | creased | crumpled | discharged | corroded | flaking | splintered | wobbling | sagging |
swollen | clogged | reversed | glued shut | welded on crookedly | set too high | unreadable | blurred |
silent | lukewarm | ice cold | boiling hot | sparking | grinding | rattling | dripping | shaking |
turning backwards | made of plastic | marked with pen | covered in dirt | covered in glue |
covered in scratches | bitten through | squashed | flattened | hollow
"""

_EVENTS = """
stopped working | came off | fell apart | broke | snapped | melted | tore open | started to leak |
started to smoke | lost its colour | turned yellow | will not close | will not open | does not fit |
does not turn | does not light up | makes a loud noise | gets far too hot | keeps slipping |
keeps falling out | never worked | blew a fuse | shows an error | switches itself off | rattles all the time |
trips the fuse | scratches the floor | smells of plastic | jams every time | wobbles badly |
burst | exploded | shattered | split open | gave way | went dark | fell off | popped out |
bent under my hand | got stuck | froze | faded away | dried out | swelled up | peeled away |
smells of petrol | smells of fish | gives off smoke | drips on the carpet | hums the whole night |
beeps without end | turns the wrong way | reacts far too late | does not click into place |
does not reach the wall | refuses to start | loses water | loses air | lets in rain | leaves black marks |
stains my clothes | cuts into my hand | came without screws | arrived upside down | sparks when touched |
shuts down after a minute | no longer holds its charge | no longer rolls | no longer locks
"""

_TAILS = """
on the first day | after one week | after two days | after one wash | since yesterday | since this morning |
on both sides | on the left side | on the right side | at the back | at the bottom | near the top |
out of the box | at every use | all the time | after the second use | when it is warm | when it is cold |
right after unpacking | along the edge |
after a month | after three uses | since last week | since the last delivery | during assembly |
during the first wash | in the middle | underneath | around the handle | next to the hinge |
on the inside | on the outside | under light pressure | in the dishwasher | in direct sun | overnight |
over the weekend | while in use | whenever I touch it | without any reason
"""

_ZH_MATERIALS = """
橡木 胡桃木 竹制 不锈钢 紫铜 玻璃 陶瓷 纯棉 亚麻 羊毛 真皮 硅胶 大理石 软木 丝绒 塑料 铝合金 帆布 毛毡 藤编
钛金属 松木 折叠 便携 迷你 无线 电动 数码 防水 可调节 加厚 保温 圆形 方形 双层 旅行 户外 复古 磁吸 太阳能
充电式 条纹 编织 智能 静音 儿童 家用 商务 大容量
榉木 樱桃木 紫檀 黄铜 铸铁 碳钢 水晶 骨瓷 紫砂 青花 真丝 雪纺 牛仔 灯芯绒 羊绒 羽绒 珊瑚绒
乳胶 记忆棉 亚克力 树脂 橡胶 尼龙 涤纶 麻绳 柳编 草编 纸质 石英 玉石 珍珠 镀金 镀银 磨砂
哑光 抛光 拉丝 手工 雕花 刺绣 印花 格子 碎花 纯色 渐变 透明 彩色 加长 加宽 超薄 超轻
可水洗 可伸缩 可拆卸 防滑 防摔 防烫 防晒 防蚊 抗菌 速干 透气 恒温 蓝牙 语音 感应 遥控 壁挂
落地 台式 车载 悬浮 充气 电热 冷藏 有机 环保 北欧 日式 中式 古典 简约 豪华 入门 专业 学生
婴儿 老人 宠物 情侣 限量
"""

_ZH_NOUNS = """
台灯 落地灯 水壶 烤面包机 榨汁机 咖啡机 电饭煲 平底锅 汤锅 砧板 刀具套装 茶壶 保温杯 饭盒 水杯 背包 行李箱
手提包 钱包 雨伞 雨衣 夹克 毛衣 围巾 毛毯 枕头 床垫 窗帘 地毯 书架 办公椅 凳子 茶几 衣柜 镜子 挂钟 闹钟 相框
花瓶 烛台 键盘 鼠标 耳机 音箱 麦克风 摄像头 显示器 打印机 路由器 充电宝 充电器 平板支架 手机壳 手表 手环 头盔
车锁 瑜伽垫 哑铃 帐篷 睡袋 炉子 手电筒 电钻 螺丝刀 锤子 工具箱 梯子 水管 割草机 洒水壶 猫爬架 狗窝 鱼缸
玩具火车 拼图 积木 婴儿车 吹风机 剃须刀 牙刷 体重秤 毛巾架 花洒 吸尘器 熨斗 净化器 加湿器 暖风机 吊扇 缝纫机
钢笔 笔记本 地球仪 望远镜 相机包 三脚架 存储卡 白板 调料架 冰箱 制冰机 面包箱 煮蛋器
围裙 沙发 扶手椅 躺椅 摇椅 吧台椅 餐桌 书桌 床头柜 鞋柜 鞋架 衣架 晾衣架 收纳箱 收纳盒 抱枕
被套 床单 枕套 浴巾 毛巾 浴袍 拖鞋 凉鞋 靴子 运动鞋 手套 帽子 皮带 领带 裙子 裤子 衬衫
背心 羽绒服 泳衣 泳镜 墨镜 项链 手链 耳环 戒指 胸针 首饰盒 化妆镜 梳子 卷发棒 香薰机 香水瓶
肥皂盒 垃圾桶 拖把 扫帚 水桶 洗衣篮 熨衣板 洗衣机 洗碗机 微波炉 烤箱 空气炸锅 豆浆机 破壁机
绞肉机 打蛋器 电磁炉 压力锅 炒锅 砂锅 蒸笼 漏勺 锅铲 擀面杖 菜刀 水果刀 开瓶器 酒杯 茶杯
茶盘 果盘 筷子 汤碗 餐垫 桌布 密封罐 调味瓶 冰桶 冷水壶 滤水器 饮水机 电风扇 取暖器 除湿机
加热垫 按摩椅 按摩枪 足浴盆 血压计 体温计 助听器 轮椅 拐杖 跑步机 划船机 跳绳 拉力器 健身球
滑板 轮滑鞋 自行车 滑雪板 冲浪板 钓鱼竿 登山杖 吊床 野餐篮 烧烤架 指南针 对讲机 收音机 唱片机
投影仪 扫描仪 碎纸机 计算器 订书机 文件夹 书签 台历 毛笔 砚台 画架 调色盘 吉他 二胡 古筝
口琴 尤克里里 钢琴凳 乐谱架 节拍器 风筝 陀螺 魔方 象棋 围棋 扑克牌 拨浪鼓 学步车 婴儿床 奶瓶
尿布台 安全座椅 猫砂盆 鸟笼 狗项圈 花盆 花架 喷壶 铁锹 锯子 扳手 钳子 卷尺 工作台 手推车
灭火器 门铃 门锁 保险箱 烟雾报警器 插线板 硬盘 优盘 读卡器 键盘托 显卡 电池盒 灯串 吊灯 壁灯
夜灯 蜡烛 屏风 地垫 浴帘 百叶窗
"""

_ZH_PARTS = """
盖子 把手 底座 电线 插头 开关 按钮 屏幕 电池 背带 拉链 接缝 内衬 轮子 支架 螺丝 弹簧 滤网 电机 刀片 喷嘴 外壳
面板 抽屉 桌腿 靠垫 布料 涂层 标签 说明书 遥控器 感应器 旋钮 镜头 夹子 挂钩 水泵 软管 阀门 风扇 灯泡 插座 踏板
皮带 壶嘴 温控器 定时器 喇叭 袖子 领口 口袋 托盘
天线 轴承 螺母 卡扣 链条 接口 边角 门板 边缘 保险丝 垫圈 齿轮 握把 护栏 外框 铰链 按键
锁扣 拉杆 磁铁 瓶口 针头 填充物 插脚 管子 底板 滑轮 滑轨 滚轮 绳子 密封圈 坐垫 轴 外皮
百叶 辐条 线轴 缝线 塞子 表面 水龙头 扳机 轮胎 底面 焊点 灯芯 视窗 线路 刻度 指针 探头
耳罩 表带 镜片 笔尖 琴弦 手柄 脚垫 扶手 靠背 床板 门把 刀刃 锅底 杯盖 壶盖 内胆 出水口
过滤器 充电口 主板 散热片 纽扣 鞋底 鞋带 帽檐 口罩 商标 吊牌
"""

_ZH_STATES = """
裂了 弯了 断了 松了 少了一个 刮花了 凹了一块 卡住了 破了 掉色了 烧坏了 生锈了 漏水 堵住了 缺了一角 有污渍
变形了 太短 太紧 噪音太大 颜色不对 尺寸不对 没有配 完全没反应 脱胶了 掉漆了 全是灰 散架了 发烫 一直抖动 一直闪
吱吱响 有焦味 装不上 转不动 关不上 打不开 充不进电 磨损严重 发霉了 歪了 接触不良 结冰了 变黄了 起泡了 掉下来了
有异味 不亮
倒着装的 太重 太宽 太窄 太大 太小 割手 不稳 粘手 很粗糙 腐烂了 湿了 潮了 油腻 模糊 被扎穿
脱线 起球 起皱 没电 腐蚀了 开胶 摇晃 塌了 鼓起来了 堵死了 装反了 焊歪了 看不清 没声音 不热
太烫 打火花 咔咔响 滴水 反着转 有划痕 有胶水 被咬坏 压扁了 空的 褪色 开裂 错位 短路 漏电
漏气 漏油 跳闸 死机 黑屏 花屏 卡顿 失灵 发黑 发黄 缩水 串色 扎人 刺鼻 没固定 少了螺丝
对不上 拧不紧 拔不出来 合不拢 弹不起来 没刻度
"""

_ZH_TAILS = """
第一天就 用了一周就 洗一次就 昨天开始 今天早上开始 刚拆开就 左边的 右边的 背面的 底部的 两边的 里面的
用了三次就 上周开始 组装的时候 中间的 外面的 上面的 下面的 夜里会 一碰就 晒过以后 放进洗碗机就
充电时 运输途中 不到一个月就
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
    "zh_material": _words(_ZH_MATERIALS),
    "zh_noun": _words(_ZH_NOUNS),
    "zh_part": _words(_ZH_PARTS),
    "zh_state": _words(_ZH_STATES),
    "zh_tail": _words(_ZH_TAILS),
}


@cache
def chinese_characters() -> tuple[str, ...]:
    """Every Chinese character that occurs in a pool, on either side."""
    return tuple(sorted({c for words in POOLS.values() for word in words() for c in word if "\u4e00" <= c <= "\u9fff"}))


@cache
def lower_case_words() -> tuple[str, ...]:
    """The English words of the training side, names included, in lower case."""
    names = [name for name in POOLS if name.startswith("en_") and name != "en_city"]
    return tuple(sorted({w.lower() for name in names for text in pool(name, held_out=False) for w in text.split()}))
