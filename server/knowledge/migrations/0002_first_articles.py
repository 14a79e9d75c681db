"""Articles to begin with; a utility writes its own editions over them."""

from django.db import migrations

FIRST = (
    ("burst", ["burst"], ["probable_burst"], "Burst main: what to ask and say", "主管爆裂：问什么，说什么",
     "Ask: is water shooting up? Is the road sinking? Is it running into a building or cellar?\n\n- People stay away from the hole: the ground may give way.\n- Electricity in a flooded cellar: do not enter, call the emergency number.\n- Say when the first crew will be there only if the screen shows it.\n\nRegister at once; correct later.",
     "询问：是否喷水？路面是否下沉？水是否流入建筑或地下室？\n\n- 请人远离塌陷处：地面可能继续下陷。\n- 地下室进水且有电：不要进入，请拨打急救电话。\n- 只有屏幕上显示到达时间时才告知抢修人员何时到。\n\n先登记，后更正。"),
    ("leak", ["leak"], [], "Leak: before or after the meter", "漏水：表前还是表后",
     "Close the tap behind the meter. Does the meter still turn?\n\n- It stands still: the leak is behind the meter; it is the customer's, a plumber helps.\n- It turns, or water shows in the street: ours. Register a leak.\n\nUse of more than three times the usual on the card points behind the meter. Ask about the toilet cistern first.",
     "请关闭表后阀门，水表还转吗？\n\n- 不转：漏点在表后，属用户管道，请找水暖工。\n- 还转，或街面有水：属于我们，登记漏水。\n\n用户卡上用水量超过平时三倍，多为表后漏水。先问马桶水箱。"),
    ("no-water", ["no_water"], ["same_segment"], "No water: who else has none", "停水：还有谁家没水",
     "Ask the neighbour or another floor: only here, the house, the street?\n\n- Only here: stopcock closed? Frozen? Meter just changed?\n- The whole house in a tall building: the booster pump; ask the caretaker.\n- The street: the screen says whether works or a burst are known.",
     "问邻居或其他楼层：只有一户、整栋还是整条街？\n\n- 只有一户：阀门是否关闭？是否冻住？是否刚换水表？\n- 高层整栋：二次供水泵房，请问物业。\n- 整条街：屏幕会显示是否有施工或爆管。"),
    ("shut-off", ["no_water", "enquiry"], ["inside_shutoff", "planned_notice"], "Inside a shut-off: what we promise", "在停水范围内：我们承诺什么",
     "Say since when, why and when water is expected back, as the sentence on the screen has it.\n\n- Dialysis, babies, old people alone: note it; water is brought.\n- Water points and tankers are on the shut-off's page.\n- Afterwards: let the cold tap run until clear, before the boiler and the washing machine.",
     "按屏幕上的句子告知：何时停水、原因、预计何时恢复。\n\n- 透析、婴儿、独居老人：请记录，我们送水。\n- 取水点和水车见停水页面。\n- 恢复后：先放冷水至清，再用热水器和洗衣机。"),
    ("discoloured", ["discoloured"], [], "Brown or cloudy water", "黄水、浑水",
     "Does anybody feel ill? Does it smell of chemicals or sewage? Then stop: do not drink; register with the highest urgency.\n\n- Brown: iron from the main after works. Run the cold tap; do not wash white laundry.\n- White and clearing from below: air, harmless.\n- Only warm water: the customer's boiler.",
     "有人不舒服吗？有化学味或臭味吗？如有：停止饮用，按最高级登记。\n\n- 发黄：施工后的铁锈，放冷水至清，先别洗白色衣物。\n- 发白且自下而上变清：是空气，无害。\n- 只有热水有问题：用户热水器。"),
    ("low-pressure", ["low_pressure"], [], "Weak pressure", "水压低",
     "One tap: the aerator. All taps: is the stopcock fully open? Which floor?\n\nAt certain hours only: note the hours. Since works in the street: say so in the note.",
     "只有一个龙头：清洗起泡器。全部：总阀是否全开？几楼？\n\n只在某些时段：记录时段。街上施工后开始：请写入备注。"),
    ("meter", ["meter"], [], "Meter: stopped, too fast, frozen", "水表：停走、走快、冻裂",
     "All taps closed and it turns: a leak behind the meter, not the meter.\n\nThe customer may ask for a test: free when the meter is wrong, else at the tariff's price. Frozen: close the stopcock; no open fire.",
     "全部龙头关闭仍转：表后漏水，不是水表问题。\n\n用户可申请检定：水表有误免费，否则按收费标准。冻裂：关闭总阀，禁止明火。"),
    ("bill", ["enquiry"], [], "Bills, estimates and paying later", "账单、估抄与延期缴费",
     "Ask for the last four digits of the meter or the PIN before any figure is said.\n\n- Estimated months are hollow bars: the next real reading puts them right.\n- Paying later or in parts: take the wish down; nobody is cut off while it is looked at.",
     "说任何数字前，先核对水表号后四位或服务密码。\n\n- 空心柱为估抄：下次实抄自动更正。\n- 延期或分期：登记申请，处理期间不停水。"),
    ("sewer", ["sewer"], [], "Sewer blocked", "下水道堵塞",
     "Inside the building: the owner's pipe up to the boundary; a plumber. Several houses, or a manhole in the street: ours.\n\nSewage where people live: nobody touches it; children away; register as inside.",
     "楼内：产权分界内由业主负责，请找疏通。多户或街上检查井外溢：属于我们。\n\n污水进入居室：勿接触，儿童远离，登记为“室内”。"),
    ("hydrant", ["hydrant"], [], "Hydrant or cover", "消火栓或井盖",
     "Cover missing or open: somebody stays beside it or puts something visible there. Register at once.\n\nRunning hydrant: fire brigade or building site? If nobody is there, register.",
     "井盖缺失或打开：请有人看守或放置明显标志。立即登记。\n\n消火栓出水：是消防还是工地？无人则登记。"),
    ("digging", ["construction"], [], "Somebody digs near a main", "主管附近有人施工",
     "Are they still digging? They stop until we were there. Gas smell or cable: emergency number first.\n\nAsk for the firm's name and the permit's number.",
     "还在挖吗？请停工等我们到场。有燃气味或碰到电缆：先打急救电话。\n\n请问施工单位和许可编号。"),
)  # fmt: skip


def begin(apps, schema_editor):
    article, edition = apps.get_model("knowledge", "Article"), apps.get_model("knowledge", "Edition")
    for code, troubles, verdicts, title, title_zh, body, body_zh in FIRST:
        row = article.objects.create(code=code, troubles=troubles, verdicts=verdicts)
        edition.objects.create(article=row, number=1, title=title, title_zh=title_zh, body=body,
                               body_zh=body_zh, by="standpipe")


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_articles")]
    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
