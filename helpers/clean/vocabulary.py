"""Words by what they do to a question: courtesy adds nothing, some carry its meaning, some stand for one another."""

COURTESY = set(
    "please pls plz kindly thanks thank thx thanx ty tysm tia cheers hi hiya howdy hello hey dear there regards "
    "sincerely greetings sir madam appreciated appreciate bye goodbye pardon advance much many lot help tell know "
    "wondering curious question btw fyi asap urgent urgently grateful thankful obliged sorry apologies ciao bro dude "
    "yo sup heya hope hoping hopefully".split()
)
BESIDE_COURTESY = set(
    "a an the you your so very in for of and with is are was were just really simply also then now ok i me my we can "
    "could would like want to if quick this by be been have having it all again time effort trouble bother bothering "
    "bunch ton patience understanding kindness cooperation consideration attention answer reply response advice "
    "guidance input feedback assistance support service mate soon hearing hope finds well fine doing going great "
    "wonderful lovely nice day week weekend everything thing favor favour moment minute truly wish do does any anyone "
    "anybody else something one another here let give us take must need may will am reading million look looking "
    "quickly get".split()
)
IN_A_SENTENCE_OF_COURTESY = set(  # words of a sentence that is added whole and has a word of courtesy
    "this that these those before asked already maybe perhaps silly stupid dumb basic simple newbie from on at as or "
    "but when whenever might should there here more read come coming back first last end try trying figure understand "
    "problem issue request matter new everyone everybody find found hear heard think god million stuck here's out "
    "possible possibly earliest convenience shortly immediately right away cheers forum post community expert experts "
    "guys folks whenever has had did done got too bit little long while some someone somebody cannot what how up need "
    "needed".split()
)
LABELS = set(  # what stands before or after a text that somebody wrapped, alone
    "question query q answer a input output prompt text message request user human task response instruction "
    "instructions subject problem example context content user's my your the this is here it below see follows "
    "following < > p div span br b i em strong => -> asked ask".split()
)
_GREETED = "all everyone everybody team guys folks friend friends colleagues support assistant again sirs".split()
COURTESY_PAIRS = {  # words that are courtesy only together
    *(("good", time) for time in "morning afternoon evening day night luck".split()),
    *(
        (how, what)
        for how in ("kind", "kindest", "best", "warm", "warmest", "many")
        for what in ("regards", "wishes", "greetings")
    ),
    *((hail, whom) for hail in ("dear", "hi", "hello", "hey") for whom in _GREETED),
    *(
        *((fine, time) for fine in ("nice", "great", "lovely", "good") for time in ("day", "week", "weekend", "time")),
        ("look", "forward"),
        ("ask", "you"),
        ("pretty", "please"),
        ("excuse", "me"),
        ("sorry", "to"),
        ("yours", "sincerely"),
        ("yours", "faithfully"),
    ),
    *(
        ("the", "way"),
        ("if", "possible"),
        ("good", "one"),
        ("any", "idea"),
        ("see", "you"),
        ("any", "ideas"),
        ("please", "advise"),
        ("god", "bless"),
        ("i", "wonder"),
        ("sir", "or"),
        ("or", "madam"),
        ("yours", "truly"),
        ("sincerely", "yours"),
        ("let", "me"),
        ("you", "mind"),
        ("your", "time"),
        ("looking", "forward"),
        ("much", "obliged"),
        ("hope", "you"),
        ("as", "soon"),
        ("soon", "as"),
        ("as", "possible"),
    ),
}
ADDED_FREELY = set(
    "a an the just so ok okay oh really very also then now um uh er erm ah eh hm hmm mm huh like actually basically "
    "literally honestly obviously simply exactly frankly kinda sorta perhaps maybe probably possibly "
    "naturally uhm umm uhh ahh err wow yeah then anyway definitely certainly surely totally absolutely seriously "
    "somehow".split()
)
FILLERS = {  # words that say nothing only together
    *(("i", verb) for verb in "mean guess think suppose believe say assume feel".split()),
    *((kind, "of") for kind in "kind sort".split()),
    *((who, verb) for who in ("that", "which", "who") for verb in ("is", "are", "was", "were")),
    *(("you", "know"), ("you", "see"), ("at", "all"), ("of", "course"), ("in", "fact")),
    *(
        ("by", "the", "way"),
        ("as", "it", "were"),
        ("to", "be", "honest"),
        ("more", "or", "less"),
        ("if", "you", "will"),
        ("i", "would", "say"),
        ("in", "my", "opinion"),
        ("that", "is"),
        ("most", "likely"),
        ("if", "you", "can"),
        ("when", "you", "can"),
        ("that", "is", "all"),
        ("for", "now"),
        ("what", "is", "up"),
        ("i", "have", "to", "go"),
    ),
}
OPENERS = set(  # before all else
    "well um uh er hm hmm anyway anyhow anyways alright right actually basically honestly frankly look listen see and "
    "but ah oh wow hmmm umm uhh yes yeah yep".split()
)
HOW_TO = set("do can could should would".split())  # behind "how"
REQUESTS = set(
    "can could would will may you i we want need like wish to go ahead and let us me try have be able".split()
)
HAN_COURTESY = "谢感请您你好麻烦多非常了的吧呢啊啦吗么呀哦嗯急~"
HAN_PHRASES = (  # of courtesy, too
    "请教|请问|问下|问一下|想问|想请问|一下|打扰|在吗|亲|不好意思|抱歉|对不起|那个|这个|帮忙|帮我|帮帮我|看看|看下|尽快|回复|等您|等你|在线等|辛苦|拜托|祝好|"
    "感激不尽|首先|早上好|上午好|中午好|下午好|晚上好|晚安|再见|拜拜|劳驾|有劳|费心|我想知道|想知道|谁知道|有人知道|告诉我|谢谢老师|老师好|客服您好|客服你好|"
    "到底|究竟|一直|刚刚|先|刚|其实|居然|竟然|真的|确实|已经|呀|才|就|也|都|那|"
    "大家好|各位好|师傅好|嗨|呗|哈|嘛|哎|唉|呃"
)
_HAN_VARIANTS = """
昨日 昨天|今日 今天|明日 明天|礼拜 星期|咋 怎么|如何 怎么|怎样 怎么|啥 什么|为何 为什么|可是 但是|不过 但是
尚未 还没|无法 不能|没有 没|本该 应该|帐 账|快递 包裹|解决 处理|屋子 房间|噪音 声音|通知 告诉|手机 电话|哪儿 哪里
这儿 这里|那儿 那里|现今 现在|立刻 马上|立即 马上|购买 买|需要 要|想要 要|使用 用|能否 能不能|可否 能不能
可不可以 能不能|可以 能|何时 什么时候|多长时间 多久|总共 一共|全部 所有|其它 其他|别的 其他|公分 厘米|儿童 孩子
薪水 工资|大于 超过|多于 超过|高于 超过|小于 低于|少于 低于|里面 里|这会儿 现在|目前 现在|母亲 妈妈|父亲 爸爸
并且 而且|与 和|跟 和|以及 和|是否 是不是|十分 很|特别 很|由于 因为|假如 如果|要是 如果|协助 帮助|电视机 电视
"""
# One way of writing for several, before characters are compared one by one.
HAN_VARIANTS = dict(pair.split() for pair in _HAN_VARIANTS.strip().replace("\n", "|").split("|"))
# Short forms that stand for the same words everywhere.
_SHORT_FORMS = """
cant=can not|lets=let us|cannot=can not|wont=will not|aint=is not|im=i am|youll=you will|theyll=they will|itll=it will
gonna=going to|wanna=want to|gotta=have to|hafta=have to|lemme=let me|gimme=give me|dunno=do not know|u=you|ya=you
ur=your|plz=please|pls=please|thx=thanks|ppl=people|alot=a lot|thankyou=thank you|info=information|tmrw=tomorrow
tmr=tomorrow|2morrow=tomorrow|tonite=tonight|2day=today|b4=before|cuz=because|coz=because|bcoz=because|msg=message
msgs=messages|mins=minutes|hrs=hours|hr=hour|secs=seconds|yrs=years|wks=weeks|pic=picture|pics=pictures
approx=approximately|smth=something|sth=something|abt=about|rly=really|nite=night|thru=through|tho=though|cos=because|bday=birthday
"""
SHORT_FORMS = {
    **{f"{verb}nt": (verb, "not") for verb in "do does did is are was were has have had would could should".split()},
    **{f"{who}ve": (who, "have") for who in "i you we they".split()},
    **{f"{what}s": (what, "is") for what in "what where who how that there here when why".split()},
    **{f"{who}re": (who, "are") for who in "you they".split()},
    **{short: tuple(words.split())
       for short, words in (one.split("=") for one in _SHORT_FORMS.strip().replace("\n", "|").split("|"))},
}  # fmt: skip

# Wherever one of these is added or left out, something else is said.
MEANING = set(
    "not no never without none nor cannot neither nothing nobody nowhere hardly except unless only but dont doesnt "
    "didnt isnt wont cant one two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred "
    "thousand million half double".split()
)
HAN_MEANING = set("不没未无非勿别否一二两三四五六七八九十百千万左右上下前后内外大小高低多少男女")
SURNAMES = set(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
# Where one of these stands in the place of another, something else is said.
ONE_OF = MEANING | set(
    "first second third last next previous above below over under before after more less most least fewer greater "
    "higher lower highest lowest longer shorter bigger smaller maximum minimum max min up down left right true false "
    "yes who whom whose what when where why which how all any each every some both either he she him her his hers male "
    "female man woman men women boy girl ascending descending increase decrease inside outside include exclude to from "
    "and or in on off out front behind with "
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday".split()
)

PHRASE_STARTS = set(  # of phrases of place and time
    "in at on before after since until till during from to for near under over above below behind beside with without "
    "by today tomorrow yesterday tonight now currently next this last every".split()
)
PARTICLES = set("off on up down out back away over".split())  # of verbs: turn off the light, turn the light off
TIMES = set("today tomorrow yesterday tonight now currently".split())
HAN_TIMES = set("现在 今天 明天 昨天 后天 前天 今晚 昨晚 早上 晚上 上午 下午 目前 最近".split())
MONTHS = set(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec".split()
)
AUXILIARIES = set("is are was were do does did can could will would has have had should may".split())
NUMBER_WORDS = {
    **{word: n for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen "
                                        "fourteen fifteen sixteen seventeen eighteen nineteen".split())},
    **{word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)},
    "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000,
}  # fmt: skip

HAN_NUMBERS = {
    **{word: n for n, word in enumerate("零一二三四五六七八九")}, "两": 2, "十": 10, "百": 100, "千": 1_000,
}  # fmt: skip

_SYNONYMS = """
someone somebody|anyone anybody|everyone everybody|everything all|what which|biggest largest|smallest lowest least
highest largest biggest|big large|small little tiny|fast quick rapid|quickly rapidly fast|buy purchase
bought purchased|begin start|begins starts|end finish|show display|shows displays|list enumerate
give provide tell inform get|explain describe|simple plain easy|simply plainly|help assist|help assistance
get obtain retrieve fetch|find locate|make create|use utilize utilise employ|need require|needs requires|want wish
wants wishes|ask inquire|choose pick select|fix repair mend|broken damaged|glad happy pleased|sad unhappy
great excellent wonderful fantastic superb|nice pleasant lovely|good fine decent|bad poor
awful terrible horrible dreadful|important essential crucial|difficult hard tough|also too additionally|maybe perhaps
almost nearly|often frequently|usually normally typically|really truly|very extremely really|quite rather fairly
whole entire complete|about regarding concerning|because since as|however but though|if whether|while whilst
each every|total overall|amount quantity|item article|task job|picture image photo|movie film|kid child|kids children
answer reply respond|response reply answer|error mistake|sentence phrase|section part|currently presently now
shop store|sick ill|wrong incorrect|right correct|short brief|briefly shortly|check verify|determine decide
identify recognise recognize|compute calculate|write compose|return give|returns gives|arrive come|arrived came
got received|send ship|sent shipped|colour color|favourite favorite|centre center|grey gray|organise organize
summarise summarize|behaviour behavior|people persons|trip journey voyage|car automobile|flat apartment|near close_to
illness disease sickness|fall drop decline|rise climb|reveal disclose|located situated|doctor physician|package parcel
phone telephone|television tv|holiday vacation|lawyer attorney|teacher instructor|stop halt cease|allow permit
keep retain|happen occur|happens occurs|happened occurred|talk speak chat|cheap inexpensive|expensive costly
funny amusing|scared afraid frightened|strange odd weird|clever smart intelligent|beautiful gorgeous|rich wealthy
main primary principal|enough sufficient|different distinct|same identical|several multiple various|quiet silent
loud noisy|cost price|employee worker|company firm|country nation|issue problem|solve resolve|try attempt|close shut
closed shut|reserve book|notify alert|remember recall|sofa couch|rubbish trash garbage|lift elevator|autumn fall
holds contains|broken out_of_order|remove delete|get_rid_of remove delete|many a_lot_of lots_of
now right_now at_present|because_of due_to owing_to|to in_order_to|with together_with|like such_as|find_out discover
call_off cancel|put_off postpone|set_up install|head leader chief boss|budget funds|laptop notebook|floor storey
bring take_along|report_to answer_to|show output print display
below under less_than fewer_than lower_than smaller_than|above over more_than greater_than higher_than
at_least no_less_than|at_most no_more_than|find search_for look_for look_up|highest maximum max|lowest minimum min
average mean avg|sum total|list give enumerate|delete erase remove|charge bill|bill invoice|later at_a_later_time
slow sluggish|drop break_off|cancel terminate end|contract agreement|ends runs_out expires|leave quit
broken defective faulty|weather forecast|weather_like forecast|timer countdown|empty clear|left remaining
call phone telephone|call ring|say report|stay live|smile grin|die pass_away|died passed_away|house home|feel seem
noise sound|move relocate|hit struck|car vehicle|wait are_waiting|travel journey|hold contain
made produced manufactured|sold available|guarantee warranty|lent loaned|newest latest most_recent|return bring_back
entry record|entries records|per for_each|reduce lower decrease cut|increase raise|turn switch|turn_on switch_on
turn_off switch_off|heating heater|lamp light|dim lower|put add|let_me_see show_me|clean tidy|driver courier
soon quickly|come arrive|buy get|sort order arrange|ordered sorted|number count|row record entry
unique distinct different|table relation|column field|maximum largest biggest greatest|minimum smallest least
earliest first|2 to|4 for|w with|w_o without|r are|bc because|id i_would|nr number num|quick quickly
tv television telly|phone fone|% percent per_cent pct|€ euro euros eur|$ dollar dollars usd|£ pound pounds gbp
¥ yen yuan rmb|° degree degrees|km kilometer kilometers kilometre kilometres|m meter meters metre metres
cm centimeter centimeters centimetre centimetres|kg kilogram kilograms kilo kilos|g gram grams
l liter liters litre litres|h hour hours|min minute minutes|d day days|meter metre|liter litre|theater theatre
catalog catalogue|dialog dialogue|program programme|mum mom mother|dad father|mon monday|tue tues tuesday
wed wednesday|thu thur thurs thursday|fri friday|sat saturday|sun sunday|jan january|feb february|mar march|apr april
jun june|jul july|aug august|sep sept september|oct october|nov november|dec december|1st first|2nd second|3rd third
4th fourth|5th fifth|6th sixth|7th seventh|8th eighth|9th ninth|10th tenth|nobody no_one noone|someone some_one
everyone every_one|apt apartment flat|tel telephone phone|dept department|st street|this that the
these those the|can could|will would|shall will|may might|is are|was were|does do|has have|each every all|who that
which that|twice two_times|once one_time|thrice three_times|give_me tell_me get_me show_me get fetch show display
learned learnt|account acct|quantity qty|address addr|manager mgr|edition ed|page p|pages pp|road rd|avenue ave
week wk|year yr|month mth|second sec|seconds secs|temperature temp|including incl|excluding excl|column col
customer cust|document doc|documents docs|application app|password pwd pw|database db|parameter param|image img
video vid|appointment appt|versus vs|management mgmt|department dept|departments depts|quarter qtr|original orig
reference ref|language lang|university uni|laboratory lab|photograph photo|advertisement advert ad
mathematics maths math|refrigerator fridge|aeroplane airplane plane|tire tyre|underground subway|petrol gas gasoline
lorry truck|pavement sidewalk|queue line|biscuit cookie|nappy diaper|tap faucet|torch flashlight|postcode zip_code
mobile cellphone cell_phone|cinema movie_theater|motorway highway|chemist pharmacy|check cheque|curb kerb
draft draught|story storey|aging ageing|cozy cosy|enroll enrol|fulfill fulfil|想 要|and &|find get|remind notify
write note|count tally|although though|child children|woman women|foot feet|tooth teeth|mouse mice|person people
early ahead_of_time|till until|toward towards|among amongst|on upon|my our|me us
"""
SYNONYMS: dict[str, set[int]] = {}
for _number, _group in enumerate(_SYNONYMS.strip().replace("\n", "|").split("|")):
    for _word in _group.split():
        SYNONYMS.setdefault(_word, set()).add(_number)
