"""The phrasings that tickets and questions are made of; "|" stands between two of them.

Every sixth is kept for held-out text, so the order matters: add new ones at the end, and build data/ again.
"""


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


def side(phrasings: tuple[str, ...], held_out: bool) -> tuple[str, ...]:
    """The phrasings of one side: every sixth if `held_out`, else all the others."""
    return tuple(p for i, p in enumerate(phrasings) if (i % 6 == 5) == held_out)


# Sentences of a ticket by what they tell; {fields} are filled in.
UNITS = {
    "en": {
        "hello": _phrases("""
            Hello, | Hi there, | Good morning, | Dear team, | Dear support, | Good day, | Hi, |
            To whom it may concern, | Hey, | Good evening, | Greetings, | Hello again,
        """),
        "who": _phrases("""
            my name is {customer}. | this is {customer}. | I am {customer} from {city}. | {customer} here. |
            {customer} is writing to you. | you can call me {customer}. | {customer} speaking. |
            I am {customer}, a customer of yours. | Note for the team: {customer} called. |
            Customer {customer} wrote in. | A message from {customer}. | The buyer is called {customer}. |
            {customer} phoned from {city} on {date}. | Ticket opened for {customer}. |
            we heard from {customer} today. | Caller: {customer}. | {customer} contacted us about a purchase. |
            the account belongs to {customer}.
        """),
        "bought": _phrases("""
            I ordered {quantity} x {product} under order {order_id}. |
            Order {order_id} was for {quantity} units of the {product}. |
            On {date} I bought {quantity} of your {product}, order number {order_id}. |
            My order {order_id} contains {quantity} pieces of {product}. |
            I paid {amount} for {quantity} {product} with order {order_id}. |
            Order no. {order_id} lists {quantity} pcs of the {product}. |
            Under {order_id} you sent me {quantity} units of {product}. |
            It concerns the {product} (quantity {quantity}) from order {order_id}. |
            Reference {order_id}: {quantity} x {product}. |
            We received {quantity} of the {product} with order id {order_id}. |
            The purchase {order_id} was {quantity} x {product} for {amount}. |
            With {order_id} came {quantity} pieces of your {product}. |
            For our shop in {city} I took {quantity} units of {product}, see order {order_id}. |
            {quantity} x {product} arrived on {date} as order {order_id}. |
            I have order {order_id} here, {quantity} pieces, article {product}. |
            Please look at {order_id}, that is {quantity} {product}. |
            There were {quantity} units of {product} in my order {order_id}. |
            Purchase number {order_id} covers {quantity} x the {product}.
        """),
        "order": _phrases("""
            My order number is {order_id}. | It is about order {order_id}. | The order id is {order_id}. |
            I mean order {order_id} of {date}. | See order {order_id}. | You will find it as {order_id}. |
            The reference is {order_id}. | Order {order_id} came to {city}. | Please check order no. {order_id}. |
            I placed order {order_id} on {date}. | The receipt says {order_id}. |
            We filed it as order {order_id}.
        """),
        "items": _phrases("""
            I bought {quantity} x {product}. | It was {quantity} units of the {product}. |
            There were {quantity} pieces of {product} in it. | I asked for {quantity} of the {product}. |
            I got {quantity} {product}. | We took {quantity} pcs of {product}. |
            The box held {quantity} units of {product}. | It lists {quantity} x {product}. |
            I needed {quantity} pieces of your {product}. | {quantity} {product} were ordered. |
            The item is {product}, quantity {quantity}. | Bought were {quantity} units of your {product}.
        """),
        "issue": _phrases("""
            Unfortunately {issue}. | The problem: {issue}. | Now {issue}. | I am sorry to say that {issue}. |
            I noticed that {issue}. | Sadly {issue}. | But {issue}. | It turned out that {issue}. |
            My complaint is that {issue}. | When I checked, {issue}. | What is wrong: {issue}. |
            As it happens, {issue}. | The trouble is that {issue}. | We found that {issue}. |
            Reported fault: {issue}. | However, {issue}. | After {days} days {issue}. |
            I have to tell you that {issue}. | To my surprise {issue}. | Please note: {issue}. |
            This is not acceptable, {issue}. | You should know that {issue}. |
            The reason I write is that {issue}. | I must report that {issue}.
        """),
        "aside": _phrases("""
            I waited {days} days for it. | I live in {city}. | The courier was called {other}. |
            I paid {amount} in all. | It was delivered on {date}. | My neighbour {other} took it in. |
            I have been a customer for {days} years. | It was meant as a gift for {other}. |
            The shop in {city} could not help. | I called you on {date} already. |
            I spoke to {other} from your team. | My colleague {other} saw it as well. |
            Shipping took {days} days. | I still have the receipt for {amount}. | I like your shop. |
            Photos are attached. | The weather in {city} was bad. | We needed it by {date}.
        """),
        "wish": _phrases("""
            Please send a replacement. | I want my money back. | Please refund {amount}. | What can you do? |
            Please call me back. | Kindly advise. | I expect an answer within {days} days. | Can you repair it? |
            Please exchange it. | How do I return it? | Please help. | I look forward to your answer.
        """),
        "signed": _phrases("""
            Regards, {customer} | Thanks, {customer} | Best wishes, {customer} | Yours, {customer} |
            Thank you. {customer} | Sincerely, {customer} | Kind regards, {customer}, {city} |
            Signed: {customer} | - {customer} | Cheers, {customer} | Many thanks, {customer} |
            With regards, {customer}
        """),
    },
    "zh": {
        "hello": _phrases("""
            你好， | 您好， | 客服你好， | 各位好， | 早上好， | 晚上好， | 您好！ | 亲， | 客服您好， |
            打扰了， | 在吗？ | 下午好，
        """),
        "who": _phrases("""
            我是{customer}。 | 我叫{customer}。 | 这里是{customer}。 | 我是{city}的{customer}。 |
            客户{customer}来电。 | 我的名字是{customer}。 | {customer}来信反馈。 | 下单人是{customer}。 |
            收货人{customer}。 | {customer}联系了我们。 | 我姓名{customer}，住在{city}。 | 本人{customer}。 |
            用户{customer}在{date}留言。 | 我这边是{customer}。 | 买家{customer}投诉。 | {customer}向您反映。 |
            记录：{customer}打来电话。 | 账户名是{customer}。
        """),
        "bought": _phrases("""
            我在{date}买了{quantity}台{product}，订单号{order_id}。 | 订单{order_id}里有{quantity}个{product}。 |
            订单号是{order_id}，一共{quantity}件{product}。 |
            我花{amount}买了{quantity}件{product}，单号{order_id}。 |
            我下单了{quantity}套{product}，编号{order_id}。 | 订单{order_id}，商品{product}，数量{quantity}。 |
            {order_id}这一单是{quantity}个{product}。 | 我订了{quantity}个{product}（订单{order_id}）。 |
            关于订单{order_id}的{quantity}台{product}。 | {date}收到{quantity}件{product}，订单编号{order_id}。 |
            我要说的是{product}，买了{quantity}个，订单{order_id}。 |
            单号{order_id}，购买了{quantity}套{product}。 |
            我们公司采购了{quantity}台{product}，订单号为{order_id}。 |
            请查订单{order_id}，是{quantity}件{product}。 | 订单{order_id}寄到{city}，共{quantity}箱{product}。 |
            凭单号{order_id}买的{quantity}个{product}到了。 | 上次买的{quantity}个{product}，单号{order_id}。 |
            编号{order_id}的订单包含{quantity}台{product}。
        """),
        "order": _phrases("""
            我的订单号是{order_id}。 | 订单编号{order_id}。 | 请看订单{order_id}。 | 单号是{order_id}。 |
            这是{date}的订单{order_id}。 | 我说的是{order_id}这一单。 | 订单{order_id}有问题。 |
            请帮我查{order_id}。 | 寄到{city}的订单{order_id}。 | 订单：{order_id}。 | 参考编号{order_id}。 |
            凭证上写着{order_id}。
        """),
        "items": _phrases("""
            我买了{quantity}台{product}。 | 一共是{quantity}个{product}。 | 里面有{quantity}件{product}。 |
            商品是{product}，{quantity}件。 | 我要了{quantity}套{product}。 | 订的是{quantity}个{product}。 |
            收到了{quantity}台{product}。 | 买的{product}，数量{quantity}。 | 共{quantity}件{product}。 |
            我们拿了{quantity}箱{product}。 | 购买的是{quantity}个{product}。 | 箱子里是{quantity}台{product}。
        """),
        "issue": _phrases("""
            可是{issue}。 | 问题是{issue}。 | 现在{issue}。 | 但是{issue}。 | 发现{issue}。 | 结果{issue}。 |
            很遗憾，{issue}。 | 打开一看，{issue}。 | 我的投诉是：{issue}。 | 用了{days}天，{issue}。 |
            没想到{issue}。 | 请注意：{issue}。 | 检查后发现{issue}。 | 故障：{issue}。 | 不满意的是{issue}。 |
            实际上{issue}。 | 我要反映{issue}。 | 不过{issue}。
        """),
        "aside": _phrases("""
            我等了{days}天。 | 我住在{city}。 | 快递员是{other}。 | 一共付了{amount}。 | {date}送到的。 |
            {other}帮我收的。 | 我是老客户了。 | 这是送给{other}的礼物。 | {city}的门店也没办法。 |
            我{date}打过电话。 | 之前联系过{other}。 | 同事{other}也看到了。 | 照片已附上。 | 发票金额{amount}。 |
            物流用了{days}天。 | 我们{date}要用。 | 我很喜欢你们的店。 | 当时{city}在下雨。
        """),
        "wish": _phrases("""
            请尽快换货。 | 我要退款。 | 请退还{amount}。 | 怎么处理？ | 请回电。 | 请给个说法。 |
            希望{days}天内答复。 | 能维修吗？ | 请补发。 | 怎么退货？ | 谢谢。 | 麻烦处理一下。
        """),
        "signed": _phrases("""
            客户：{customer} | 谢谢，{customer} | ——{customer} | {customer}敬上 | 署名{customer} |
            此致，{customer} | 联系人{customer} | 祝好，{customer} | 来自{city}的{customer} | 我是{customer} |
            落款：{customer} | {customer}留言
        """),
    },
}

# Labels of a ticket in form style.
LABELS = {
    "en": {
        "customer": _phrases("""
            Name | Customer | Buyer | From | Contact | Client name | Customer name | Full name | Ordered by |
            Sender | Account | Purchaser
        """),
        "order_id": _phrases("""
            Order | Order no. | Order number | Order id | Reference | Purchase no. | Ref | Order ref |
            Case order | Order code | No. | Order key
        """),
        "quantity": _phrases("""
            Quantity | Qty | Pieces | Units | How many | Number of units | Amount of items | Count | Pcs |
            Items ordered | Number | Total pieces
        """),
        "product": _phrases("""
            Product | Item | Article | Goods | Bought | Item name | Product name | Model | What was ordered |
            Ordered item | Thing | Merchandise
        """),
        "issue": _phrases("""
            Problem | Issue | Complaint | Fault | Reason | What went wrong | Defect | Report | Description |
            Trouble | Details | Fault seen
        """),
        "date": _phrases("""
            Date | Bought on | Delivered | Day | Received | Delivery day
        """),
        "city": _phrases("""
            City | Town | Shipped to | Place | Branch | Delivery town
        """),
        "amount": _phrases("""
            Paid | Price | Total | Value | Charged | Sum paid
        """),
    },
    "zh": {
        "customer": _phrases("""
            姓名 | 客户 | 买家 | 联系人 | 收货人 | 客户姓名 | 用户 | 下单人 | 顾客 | 称呼 | 署名 | 购买人
        """),
        "order_id": _phrases("""
            订单 | 订单号 | 单号 | 订单编号 | 编号 | 订单代码 | 参考号 | 购买单号 | 订单ID | 流水号 | 凭证号 |
            交易单号
        """),
        "quantity": _phrases("""
            数量 | 件数 | 个数 | 购买数量 | 几件 | 订购数量 | 总数 | 台数 | 数目 | 共计 | 订货量 | 总件数
        """),
        "product": _phrases("""
            商品 | 产品 | 物品 | 货品 | 购买商品 | 商品名称 | 品名 | 所购产品 | 型号 | 货物 | 宝贝 | 产品名称
        """),
        "issue": _phrases("""
            问题 | 故障 | 投诉 | 原因 | 情况 | 问题描述 | 反馈 | 毛病 | 说明 | 缺陷 | 详情 | 故障描述
        """),
        "date": _phrases("""
            日期 | 下单日期 | 收货日期 | 时间 | 购买日期 | 到货日期
        """),
        "city": _phrases("""
            城市 | 地址 | 收货地 | 所在地 | 寄往 | 收货城市
        """),
        "amount": _phrases("""
            金额 | 价格 | 总价 | 实付 | 付款 | 实付金额
        """),
    },
}

# Questions to the base by the field they ask for.
QUESTIONS = {
    "en": {
        "customer": _phrases("""
            Who is the customer? | What is the customer's name? | Who wrote this? | Name the customer. |
            Whose ticket is this? | Who is the buyer? | Who placed the order? |
            Give me the customer's full name. | Which customer is it? | Who is complaining? |
            The customer's name, please. | Tell me who the customer is. | Can you tell me who the customer is? |
            Say who wrote this ticket. | I need the name of the customer. | Look up the customer. |
            Find the name of the buyer. | Under which name was it ordered? | Please name the person. |
            Do you see the customer's name? | Show me the customer. | Write down the name of the customer. |
            Who should we answer? | Read me the name.
        """),
        "order_id": _phrases("""
            What is the order number? | Which order is it? | Give the order id. | What is the order id? |
            Under which number was it ordered? | What is the number of the order? | Which order number is given? |
            The order number, please. | Name the order. | What order is this about? | Find the order reference. |
            Tell me the order number. | Can you tell me the order number? | Say which order it is. |
            I need the number of the order. | Look up the order id. | Find the order number. |
            Which id does the order have? | Please name the order number. | Do you see an order number? |
            Show me the order id. | Write down the order number. | What is the reference? |
            Read me the order number.
        """),
        "quantity": _phrases("""
            How many were ordered? | What is the quantity? | How many pieces? |
            How many units did the customer buy? | Give the quantity. | How many pieces were bought? |
            The quantity, please. | What number of items was ordered? | How many are there? | Count of items? |
            How many items are in the order? | Tell me the quantity. | Can you tell me the quantity? |
            Say how many were bought. | I need the number of pieces. | Look up the quantity. |
            Find the number of items. | How many does the order have? | Please name the quantity. |
            Do you see how many? | Show me the quantity. | Write down how many. | How large is the order? |
            Read me the quantity.
        """),
        "product": _phrases("""
            What product is it? | Which product was ordered? | What did the customer buy? | Name the product. |
            What is the product? | Which product is the ticket about? | The product, please. |
            Which item was bought? | What was ordered? | What item is this about? | Give the product name. |
            Tell me the product. | Can you tell me the product? | Say what was bought. |
            I need the name of the product. | Look up the product. | Find the item. |
            Which article is in the order? | Please name the item. | Do you see the product? |
            Show me the product. | Write down the product. | What does the customer have? | Read me the product.
        """),
        "issue": _phrases("""
            What is the problem? | What is wrong? | What is the issue? | What went wrong? |
            Describe the problem. | Which problem is reported? | What is the complaint? | The problem, please. |
            Why does the customer write? | What fault is reported? | Give the issue. | Tell me what is wrong. |
            Can you tell me the problem? | Say what went wrong. | I need to know the problem. |
            Look up the complaint. | Find the fault. | Which fault does it have? | Please name the problem. |
            Do you see what is wrong? | Show me the issue. | Write down the complaint. |
            What should be repaired? | Read me the problem.
        """),
    },
    "zh": {
        "customer": _phrases("""
            客户是谁？ | 客户叫什么名字？ | 谁写的？ | 请给出客户姓名。 | 这是谁的工单？ | 买家是谁？ |
            是谁下的单？ | 客户姓名是什么？ | 哪位客户？ | 谁在投诉？ | 请说出客户名字。 | 告诉我客户是谁。 |
            能告诉我客户是谁吗？ | 说说是谁写的。 | 我要知道客户姓名。 | 查一下客户。 | 找出买家的名字。 |
            用什么名字下的单？ | 麻烦写出姓名。 | 看得到客户名字吗？ | 显示客户。 | 记下客户的名字。 |
            我们该回复谁？ | 念一下名字。
        """),
        "order_id": _phrases("""
            订单号是多少？ | 是哪个订单？ | 请给出订单号。 | 订单编号是什么？ | 单号是多少？ |
            这个订单的号码是多少？ | 哪一个订单号？ | 订单号？ | 请说出订单编号。 | 说的是哪个订单？ |
            找出订单编号。 | 告诉我订单号。 | 能告诉我订单号吗？ | 说说是哪个订单。 | 我要知道订单编号。 |
            查一下单号。 | 找出订单号。 | 订单的编号是哪个？ | 麻烦写出订单号。 | 看得到订单号吗？ |
            显示订单编号。 | 记下订单号。 | 参考编号是什么？ | 念一下单号。
        """),
        "quantity": _phrases("""
            买了多少件？ | 数量是多少？ | 一共几件？ | 客户买了几个？ | 请给出数量。 | 订购了多少件？ | 数量？ |
            订了多少？ | 有几个？ | 件数是多少？ | 订单里有几件？ | 告诉我数量。 | 能告诉我数量吗？ |
            说说买了几件。 | 我要知道件数。 | 查一下数量。 | 找出购买的数量。 | 订单一共多少个？ |
            麻烦写出数量。 | 看得到数量吗？ | 显示数量。 | 记下件数。 | 这一单有多少？ | 念一下数量。
        """),
        "product": _phrases("""
            是什么商品？ | 买的是什么？ | 客户买了什么？ | 请给出商品名称。 | 产品是什么？ |
            工单说的是哪个商品？ | 商品名称？ | 哪件商品？ | 订购的是什么？ | 说的是什么产品？ | 请说出商品。 |
            告诉我商品。 | 能告诉我商品吗？ | 说说买的是什么。 | 我要知道商品名称。 | 查一下商品。 | 找出产品。 |
            订单里是什么东西？ | 麻烦写出商品。 | 看得到商品吗？ | 显示商品名称。 | 记下商品。 |
            客户手上是什么？ | 念一下商品。
        """),
        "issue": _phrases("""
            有什么问题？ | 出了什么问题？ | 问题是什么？ | 哪里不对？ | 请描述问题。 | 反映的是什么问题？ |
            投诉什么？ | 问题？ | 客户为什么来信？ | 报告了什么故障？ | 请给出问题。 | 告诉我出了什么问题。 |
            能告诉我问题吗？ | 说说出了什么问题。 | 我要知道是什么故障。 | 查一下投诉内容。 | 找出故障。 |
            它有什么毛病？ | 麻烦写出问题。 | 看得到问题吗？ | 显示问题。 | 记下投诉。 | 该修哪里？ |
            念一下问题。
        """),
    },
}

# Names of fields in requests for several at once.
NAMES = {
    "en": {
        "customer": _phrases("""
            customer | name | customer name | buyer
        """),
        "order_id": _phrases("""
            order | order number | order id | order code
        """),
        "quantity": _phrases("""
            quantity | number of pieces | count | pieces
        """),
        "product": _phrases("""
            product | item | product name | article
        """),
        "issue": _phrases("""
            problem | issue | complaint | fault
        """),
    },
    "zh": {
        "customer": _phrases("""
            客户 | 姓名 | 客户姓名
        """),
        "order_id": _phrases("""
            订单 | 订单号 | 单号
        """),
        "quantity": _phrases("""
            数量 | 件数 | 个数
        """),
        "product": _phrases("""
            商品 | 产品 | 商品名称
        """),
        "issue": _phrases("""
            问题 | 故障 | 投诉
        """),
    },
}
