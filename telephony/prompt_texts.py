"""The words of the fixed prompts, in English and Chinese. Digits are written out as words."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

PROMPTS: dict[str, dict[Language, str]] = {
    "recorded": {
        "en": "Water service. This call is recorded.",
        "zh": "您好，供水服务热线。本次通话将被录音。",
    },
    "known-shutoff": {
        "en": "We know that the water is off where you are, and we are working on it.",
        "zh": "我们已知道您所在的区域停水，正在抢修。",
    },
    "known-planned": {
        "en": "There is planned work on the water main where you are.",
        "zh": "您所在的区域有计划停水。",
    },
    "known-nearby": {
        "en": "Others near you have called about the same trouble, and we are looking into it.",
        "zh": "您附近已有用户反映同样的情况，我们正在处理。",
    },
    "known-burst": {
        "en": "Many people near you are calling. We think that a main has burst, "
              "and we are looking into it.",
        "zh": "您附近有多位用户来电，可能是水管爆裂，我们正在核实。",
    },
    "known-elsewhere": {
        "en": "We know of trouble with the water in one part of the town and are working on it.",
        "zh": "本市部分区域有供水故障，我们正在处理。",
    },
    "choose-key": {
        "en": "If there is danger, press one. To speak with a person, press zero, "
              "or stay on the line for something else.",
        "zh": "如有危险，请按一。需要人工服务，请按零。如有其他事情，请不要挂机。",
    },
    "main-menu": {
        "en": "If there is danger, press one. For your bill, press two. For water that is off, "
              "press three. For the progress of a ticket, press four. To be called back, "
              "press five. To leave a message, press nine. For a person, press zero, "
              "or stay on the line.",
        "zh": "如有危险，请按一。查询水费，请按二。查询停水信息，请按三。查询服务进度，请按四。"
              "需要我们给您回电，请按五。留言请按九。人工服务请按零，或者不要挂机。",
    },
    "other-language": {
        "en": "For English, press eight.",
        "zh": "中文服务，请按八。",
    },
    "not-a-choice": {
        "en": "That key leads nowhere.",
        "zh": "您的按键无效。",
    },
    "not-understood": {
        "en": "We did not get that number.",
        "zh": "没有收到完整的号码。",
    },
    "ask-account": {
        "en": "Please enter your account number, then press hash. To begin again, press star.",
        "zh": "请输入您的户号，按井号键结束。重新输入请按星号键。",
    },
    "ask-factor": {
        "en": "Now the last four digits of your meter's number, or your PIN, then press hash.",
        "zh": "请输入水表号码的最后四位或者您的密码，按井号键结束。",
    },
    "ask-ticket": {
        "en": "Please enter the digits of the ticket's number, then press hash.",
        "zh": "请输入服务单号码的数字部分，按井号键结束。",
    },
    "ask-ticket-factor": {
        "en": "Now the last four digits of the telephone number that you gave us, "
              "then press hash.",
        "zh": "请输入您登记的电话号码的最后四位，按井号键结束。",
    },
    "ask-outage-account": {
        "en": "We do not know your place by your number. Please enter your account number, "
              "then press hash.",
        "zh": "无法根据您的号码确定地点。请输入您的户号，按井号键结束。",
    },
    "wrong": {
        "en": "These numbers do not belong together.",
        "zh": "您输入的号码不匹配。",
    },
    "no-bill": {
        "en": "There is no bill for this account yet.",
        "zh": "该账户暂时没有账单。",
    },
    "lookup-down": {
        "en": "We cannot look that up just now.",
        "zh": "暂时无法查询。",
    },
    "bill-ticket-offer": {
        "en": "If we shall look it up and call you, press two. For a person, press zero.",
        "zh": "需要我们查询后给您回电，请按二。人工服务请按零。",
    },
    "not-known-place": {
        "en": "We know of no trouble where you are.",
        "zh": "目前没有您所在地点的停水信息。",
    },
    "report-offer": {
        "en": "If your water is off, press two, and a person will take it down. "
              "For the menu, press star.",
        "zh": "如果您家已停水，请按二，由人工为您登记。返回主菜单，请按星号键。",
    },
    "anything-else": {
        "en": "For the menu, press two. For a person, press zero. Or you may hang up.",
        "zh": "返回主菜单请按二，人工服务请按零，如无其他需要可以挂机。",
    },
    "whose-place": {
        "en": "Several places have your telephone number.",
        "zh": "您的号码对应多个用水地点。",
    },
    "callback-this-number": {
        "en": "To be called back at the number you are calling from, press two. "
              "For another number, press three.",
        "zh": "如需我们拨打您现在的号码，请按二。拨打其他号码，请按三。",
    },
    "callback-enter": {
        "en": "Please enter the number we shall call, then press hash.",
        "zh": "请输入需要回电的号码，按井号键结束。",
    },
    "callback-refused": {
        "en": "We cannot call that number.",
        "zh": "无法拨打该号码。",
    },
    "callback-thanks": {
        "en": "Thank you. We will call you.",
        "zh": "谢谢，我们会给您回电。",
    },
    "answer-unspoken": {
        "en": "We cannot read the answer to you just now. For a person, press zero.",
        "zh": "暂时无法播报结果。人工服务请按零。",
    },
    "closed-now": {
        "en": "The office is closed now. Emergencies are taken day and night: press one.",
        "zh": "现在是非工作时间。紧急情况全天受理，请按一。",
    },
    "goodbye": {
        "en": "Thank you for calling. Goodbye.",
        "zh": "感谢您的来电，再见。",
    },
    "rate-service": {
        "en": "Please rate our service. Five is very satisfied, four satisfied, three neither, "
              "two dissatisfied, one very dissatisfied.",
        "zh": "请对本次服务进行满意度评价。非常满意请按五，满意按四，一般按三，不满意按二，"
              "非常不满意按一。",
    },
    "rate-again": {
        "en": "Please press a key from one, very dissatisfied, to five, very satisfied.",
        "zh": "您的按键无效。非常满意请按五，非常不满意按一。",
    },
    "rate-thanks": {
        "en": "Thank you for your rating. Goodbye.",
        "zh": "感谢您的评价，再见。",
    },
    "please-wait": {
        "en": "Please stay on the line. To leave a message instead, press nine.",
        "zh": "请不要挂机。如需留言，请按九。",
    },
    "callback-or-message": {
        "en": "Nobody is free yet. To hang up, keep your place and be called back, press two. "
              "To leave a message, stay on the line.",
        "zh": "客服暂时无人空闲。如需挂机并保留排队位置，由我们给您回电，请按二。留言请不要挂机。",
    },
    "callback-kept": {
        "en": "Thank you. You keep your place. We call you when it is your turn.",
        "zh": "谢谢。已为您保留排队位置，轮到您时我们会给您回电。",
    },
    "callback-hello": {
        "en": "This is the water service. You asked us to call back. We are connecting you.",
        "zh": "您好，这里是供水服务热线。您要求我们回电，正在为您接通客服。",
    },
    "waiting-turn": {
        "en": "You are in the queue. Please stay on the line.",
        "zh": "您正在排队，请不要挂机。",
    },
    "leave-message": {
        "en": "Nobody can take your call now. After the tone, please say your name, the address, "
              "and what has happened. Press hash when you are done. We will call you back.",
        "zh": "现在无人接听。请在提示音后说出您的姓名、地址和发生的情况，"
              "说完请按井号键。我们会给您回电。",
    },
    "message-thanks": {
        "en": "Thank you. Your message is with us.",
        "zh": "谢谢，我们已收到您的留言。",
    },
    "message-cut": {
        "en": "Your message was cut after three minutes. What you said until then is with us.",
        "zh": "留言已满三分钟，之前的内容我们已收到。",
    },
    "message-failed": {
        "en": "We cannot record your message just now. Your number is noted, "
              "and we will call you back.",
        "zh": "暂时无法录音。我们已记下您的号码，会给您回电。",
    },
    "called-sorry": {
        "en": "We wanted to speak with you, but none of our colleagues is free. "
              "We will call you again. Goodbye.",
        "zh": "我们想与您通话，但目前坐席全忙，稍后会再次致电。再见。",
    },
    "reconnect": {
        "en": "The line to our colleague was lost. We are connecting you again.",
        "zh": "与客服人员的线路中断，正在为您重新接通。",
    },
}  # fmt: skip
