"""Words by what they do to a question: courtesy adds nothing, some carry its meaning, some stand for one another."""

COURTESY = set(
    "please pls plz kindly thanks thank thx thanx ty tysm tia cheers hi hiya howdy hello hey dear there regards "
    "sincerely greetings sir madam appreciated appreciate bye goodbye pardon advance much many lot help tell know "
    "wondering curious question".split()
)
BESIDE_COURTESY = set(
    "a an the you your so very in for of and with is are was were just really simply also then now ok i me my we can "
    "could would like want to if quick this by be been have having it all again time effort trouble bother bothering "
    "bunch ton patience understanding kindness cooperation consideration attention answer reply response advice "
    "guidance input feedback assistance support service mate soon hearing hope finds well fine doing going great "
    "wonderful lovely nice day week weekend everything thing favor favour moment minute truly wish".split()
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
        ("nice", "day"),
        ("great", "day"),
        ("excuse", "me"),
        ("sorry", "to"),
        ("yours", "sincerely"),
        ("yours", "faithfully"),
    ),
    *(
        ("the", "way"),
        ("if", "possible"),
        ("good", "one"),
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
ADDED_FREELY = set("a an the just so ok okay oh really very also then now".split())
OPENERS = set("well um uh er hm hmm anyway anyhow alright right actually basically".split())  # before all else
HAN_COURTESY = "谢感请您你好麻烦多非常了的吧呢啊啦吗呀哦嗯急~"

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
    "and or monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday".split()
)

_SYNONYMS = """
someone somebody|anyone anybody|everyone everybody|everything all|what which
biggest largest|smallest lowest least|highest largest biggest
big large|small little tiny|fast quick rapid|quickly rapidly fast|buy purchase|bought purchased|begin start
begins starts|end finish|show display|shows displays|list enumerate|give provide tell inform get|explain describe
simple plain easy|simply plainly|help assist|help assistance|get obtain retrieve fetch|find locate|make create
use utilize utilise employ|need require|needs requires|want wish|wants wishes|ask inquire|choose pick select
fix repair mend|broken damaged|glad happy pleased|sad unhappy|great excellent wonderful fantastic superb
nice pleasant lovely|good fine decent|bad poor|awful terrible horrible dreadful|important essential crucial
difficult hard tough|also too additionally|maybe perhaps|almost nearly|often frequently|usually normally typically
really truly|very extremely really|quite rather fairly|whole entire complete|about regarding concerning
because since as|however but though|if whether|while whilst|each every|total overall|amount quantity
item article|task job|picture image photo|movie film|kid child|kids children|answer reply respond|response reply answer
error mistake|sentence phrase|section part|currently presently now|shop store|sick ill|wrong incorrect|right correct
short brief|briefly shortly|check verify|determine decide|identify recognise recognize|compute calculate
write compose|return give|returns gives|arrive come|arrived came|got received|send ship|sent shipped
colour color|favourite favorite|centre center|grey gray|organise organize|summarise summarize|behaviour behavior
people persons|trip journey voyage|car automobile|flat apartment|near close_to|illness disease sickness
fall drop decline|rise climb|reveal disclose|located situated|doctor physician|package parcel|phone telephone
television tv|holiday vacation|lawyer attorney|teacher instructor|stop halt cease|allow permit|keep retain
happen occur|happens occurs
happened occurred|talk speak chat|cheap inexpensive|expensive costly|funny amusing|scared afraid frightened
strange odd weird|clever smart intelligent|beautiful gorgeous|rich wealthy|main primary principal|enough sufficient
different distinct|same identical|several multiple various|quiet silent|loud noisy|cost price|employee worker
company firm|country nation|issue problem|solve resolve|try attempt|close shut|closed shut|reserve book|notify alert
remember recall|sofa couch|rubbish trash garbage|lift elevator|autumn fall|holds contains|broken out_of_order
remove delete|get_rid_of remove delete|many a_lot_of lots_of|now right_now at_present|because_of due_to owing_to
to in_order_to|with together_with|like such_as|find_out discover|call_off cancel|put_off postpone|set_up install
is was|are were|this that the|these those the|can could|will would|shall will|may might
till until|toward towards|among amongst|on upon|my our|me us|get have|has had
"""
SYNONYMS: dict[str, set[int]] = {}
for _number, _group in enumerate(_SYNONYMS.strip().replace("\n", "|").split("|")):
    for _word in _group.split():
        SYNONYMS.setdefault(_word, set()).add(_number)
