"""The words utilities use for layers, columns and values, in English and Chinese.

Names are compared in plain form: lower case, without spaces, underscores, hyphens, brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gis_data.importing.values import Role

Kind = Literal["id", "text", "number", "year", "word", "flag"]
Measure = Literal["", "diameter", "length", "flow", "volume", "hourly"]

_BRACKETS = re.compile(r"[(（\[【].*?[)）\]】]")
_JOINTS = re.compile(r"[\s_\-.:/]+")


def plain(name: str) -> str:
    """A name without case, joints and what stands in brackets."""
    return _JOINTS.sub("", _BRACKETS.sub("", name)).lower()


def word(value: object) -> str:
    """A value as a person would write it: 1.0 is "1", True is "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an asset. `names`: columns called so; `needed`: a record without it is bad.

    `longest`: characters the text may have. `words`: name of its table in `WORDS`.
    """

    kind: Kind
    names: tuple[str, ...]
    measure: Measure = ""
    needed: bool = False
    longest: int = 60
    words: str = ""


def _names(text: str) -> tuple[str, ...]:
    return tuple(plain(n) for n in text.split(","))


def _a(kind: Kind, names: str, measure: Measure = "", **more: object) -> Attribute:
    return Attribute(kind, _names(names), measure, **more)  # type: ignore[arg-type]


_ID = _a("id", "id,code,asset,asset id,assetid,facilityid,facility id,gid,fid,uid,globalid,"
         "objectid,polygon id,zone id,zone code,"
         "name,no,number,编号,编码,代码,设施编号,资产编号,物探点号,标识,标识码,id号,"
         "名称", needed=True)  # fmt: skip
_START = _a("text", "start,start node,startnode,from,from node,fromnode,node1,us node id,usnode,"
            "us node,upstream node,node from,起点,起点编号,起点点号,起始点号,起始节点,起点号,"
            "上游节点,"
            "本点号,本点编号,上游井号,起始井号")  # fmt: skip
_END = _a("text", "end,end node,endnode,to,to node,tonode,node2,ds node id,dsnode,ds node,"
          "downstream node,node to,终点,终点编号,终点点号,终止点号,终止节点,终点号,下游节点,"
          "连接点号,上点号,下游井号,终止井号")  # fmt: skip
_DIAMETER = _a("number", "diameter,diameter mm,diam,dia,dn,pipe size,size,pipesize,"
    "nominal diameter,"
               "bore,管径,口径,公称直径,公称口径,直径,管径mm,规格,断面尺寸",
               "diameter")  # fmt: skip
_MATERIAL = _a("text", "material,mat,pipe material,管材,材质,材料,管道材质", longest=20,
               words="material")  # fmt: skip
_YEAR = _a("year", "year,install year,year installed,installation date,install date,installed,"
           "date laid,laid,construction year,敷设年代,敷设年份,建设年代,建成年代,埋设年代,竣工年份,"
           "安装年代,安装日期,建设日期,埋设日期,竣工日期,年代,年份")  # fmt: skip
_ZONE = _a("text", "zone,pressure zone,压力分区,供水分区,分区,所属分区", longest=40)
_DMA = _a("text", "dma,district metered area,计量分区,dma分区,独立计量区", longest=40)
_STREET = _a("text", "street,road,street name,road name,道路,所在道路,路名,街道,道路名称,位置",
             longest=120)  # fmt: skip
_ELEVATION = _a("number", "elevation,elevation m,elev,z,ground level,height,高程,地面高程,"
    "标高,地面标高",
                "length")  # fmt: skip
_LENGTH = _a("number", "length,length m,len,shape length,pipe length,管长,长度,管段长度", "length")
_CLOSED = _a("flag", "closed,is closed,pipe closed,关闭")
_SETTING = _a("number", "setting,pressure,set pressure,设定值,设定压力,阀后压力")
_TANK = {
    "tank_diameter": _a("number", "tank diameter m,tank diameter,diameter,池径,水池直径", "length"),
    "level_initial": _a("number", "level initial m,initial level,init level,level,水位,初始水位",
                        "length"),
    "level_min": _a("number", "level min m,min level,minimum level,最低水位", "length"),
    "level_max": _a("number", "level max m,max level,maximum level,最高水位", "length"),
}  # fmt: skip
_PLACE = {
    "x": _a("number", ""), "y": _a("number", ""), "x2": _a("number", ""), "y2": _a("number", ""),
    "wkt": _a("text", ""),
}  # fmt: skip
_PATTERN = _a("text", "demand pattern,pattern,用水模式", longest=40)
_LINK = {"id": _ID, "start": _START, "end": _END, "diameter": _DIAMETER, "setting": _SETTING,
         "closed": _CLOSED, "power": _a("number", "power w"), "curve": _a("text", "curve",
         longest=2000)}  # fmt: skip

#: Role -> attribute -> what it is. The places of CSV files are attributes of every role.
ATTRIBUTES: dict[Role, dict[str, Attribute]] = {
    "pipe": {
        "id": _ID, "start": _START, "end": _END, "length": _LENGTH,
        "diameter": Attribute("number", _DIAMETER.names, "diameter", True),
        "material": _MATERIAL, "year": _YEAR,
        "roughness": _a("number", "roughness,c,hazen williams c,chw,k,粗糙系数,海曾威廉系数"),
        "role": _a("word", "role,pipe role,pipe type,main type,管道类别,管线类别,管网类型,"
        "管道级别,管道性质",
                   words="role"),
        "zone": _ZONE, "dma": _DMA, "street": _STREET,
        "one_way": _a("flag", "one way,check valve,单向"),
        "closed": _CLOSED,
        "minor_loss": _a("number", "minor loss,局部阻力,局部水头损失"),
        "depth": _a("number", "depth m,depth,cover depth,buried depth,埋深,埋设深度,起点埋深",
        "length"),
        "origin": _a("text", "origin"),
    },
    "valve": {
        "id": _ID, "start": _START, "end": _END,
        "pipe": _a("text", "pipe,pipe id,link,main id,on pipe,所属管线,所在管线,管线编号,管段编号"),
        "node": _a("text", "node,node id,side,near node,所属节点,近端节点"),
        "diameter": _DIAMETER,
        "kind": _a("word", "kind,valve type,type,阀门类型,类型,阀门种类", words="valve_kind"),
        "normally_open": _a("word", "normally open,normal position,normal status,status,state,"
        "position,"
                            "open closed,常态,开关状态,开闭状态,阀门状态,启闭状态,状态,常开常闭",
                            words="position"),
        "operable": _a("word", "operable,condition,works,可操作,能否操作,操作性,阀门完好,"
        "完好情况,完好状况",
                       words="operable"),
        "turns": _a("number", "turns,number of turns,圈数,启闭圈数,关闭圈数"),
        "accessible": _a("flag", "accessible,可到达,可及,是否可到达"),
        "closes": _a("word", "closes,closing direction,turn direction,关闭方向,启闭方向,旋向",
                     words="closes"),
        "chamber_depth": _a("number", "chamber depth m,chamber depth,井深,阀井深度", "length"),
        "gas": _a("flag", "gas,有毒气体,有害气体"),
        "setting": _SETTING,
        "mode": _a("word", "mode,控制方式", words="valve_mode"),
        "closed": _CLOSED,
    },
    "hydrant": {
        "id": _ID,
        "node": _a("text", "node,node id,所属节点,节点编号"),
        "kind": _a("text", "kind,hydrant type,type,消火栓类型,类型,型式,形式", longest=20),
        "outlet": _a("number", "outlet mm,outlet,outlet size,出水口径,出水口直径,口径", "diameter"),
        "flow": _a("number", "flow m3s,flow,test flow,流量,测试流量,出水流量", "flow"),
        "standpipe": _a("flag", "standpipe,可取水"),
        "fire_critical": _a("flag", "fire critical,消防专用,消防必保"),
        "elevation": _ELEVATION,
    },
    "node": {
        "id": _ID,
        "kind": _a("word", "kind,node type,type,类型,节点类型", words="node_kind"),
        "elevation": _ELEVATION,
        "demand": _a("number", "base demand m3s,demand,base demand,用水量,需水量,节点流量", "flow"),
        "zone": _ZONE, "dma": _DMA,
        "head": _a("number", "head m,head,total head,水头,总水头", "length"),
        "pattern": _PATTERN, **_TANK,
    },
    "tank": {"id": _ID, "elevation": _ELEVATION, "zone": _ZONE, "dma": _DMA, **_TANK},
    "source": {
        "id": _ID, "elevation": _ELEVATION, "zone": _ZONE, "dma": _DMA, "pattern": _PATTERN,
        "head": _a("number", "head m,head,total head,fixed level,level,水头,总水头,水位", "length"),
    },
    "service": {
        "id": _ID,
        "pipe": _a("text", "pipe,pipe id,main,main id,所属管线,干管编号,接入管线"),
        "measure": _a("number", "measure"),
        "premise": _a("text", "premise,premise id,customer,customer id,account,用户编号,户号,"
        "用水点编号"),
        "diameter": _DIAMETER, "material": _MATERIAL,
        "station": _a("text", "station,station id,泵房编号"),
    },
    "premise": {
        "id": _ID,
        "service": _a("text", "service,service id,service line,户线编号"),
        "pipe": _a("text", "pipe,pipe id,main,main id,供水管线,所属管线"),
        "address": _a("text", "address,full address,地址,用水地址,详细地址", longest=200),
        "street": _STREET,
        "number": _a("text", "number,house number,civic number,门牌号,门牌", longest=20),
        "name": _a("text", "name,customer name,户名,用户名称", longest=120),
        "use": _a("text", "use,use class,category,category id,用水性质,用水类别,性质", longest=40),
        "persons": _a("number", "persons,population,人口,人数,用水人数"),
        "floors": _a("number", "floors,levels,楼层,层数"),
        "demand": _a("number", "demand m3s,demand,consumption,daily use,日用水量,用水量", "flow"),
        "building": _a("text", "building,building id,buildingid,楼栋编号"),
    },
    "control": {**_LINK, "kind": _a("word", "kind,type,valve type,类型", words="control_kind",
                                    needed=True)},
    "pump": _LINK, "prv": _LINK, "check": _LINK,
    "zone": {
        "id": _ID, "name": _a("text", "name,zone name,名称,分区名称", longest=80),
        "kind": _a("word", "kind,type,类型,分区类型", words="zone_kind"),
    },
    "manhole": {
        "id": _ID, "kind": _a("word", "kind,type,井类型,类型,附属物", words="manhole_kind"),
        "ground": _a("number", "ground m,ground level,cover level,rim elevation,地面高程,地面标高,"
                     "井口高程", "length"),
        "invert": _a("number", "invert m,invert level,invert elevation,invert,井底高程,"
        "井底标高,管底高程",
                     "length"),
    },
    "sewer": {
        "id": _ID, "start": _START, "end": _END, "length": _LENGTH,
        "diameter": Attribute("number", _DIAMETER.names, "diameter", True),
        "material": _MATERIAL, "year": _YEAR,
        "carries": _a("word", "carries,sewer type,type,waste type,管线类别,排水类型,类型,管道类别",
                      words="carries"),
        "invert_start": _a("number", "invert start m,invert start,upstream invert,us invert,"
                           "起点管底高程,起点管底标高,上游管底标高", "length"),
        "invert_end": _a("number", "invert end m,invert end,downstream invert,ds invert,"
                         "终点管底高程,终点管底标高,下游管底标高", "length"),
        "street": _STREET,
    },
    "station": {
        "id": _ID, "service": _a("text", "service,service id,户线编号"),
        "tank": _a("number", "tank m3,tank volume,volume,水箱容积,容积", "volume"),
        "demand": _a("number", "demand m3h,demand,用水量,小时用水量", "hourly"),
        "floors": _a("text", "floors,供水楼层,楼层", longest=40),
        "operator": _a("text", "operator,owner,管理单位,运营单位", longest=80),
    },
    "ignore": {},
}  # fmt: skip
for _role, _attributes in ATTRIBUTES.items():
    if _role != "ignore":
        ATTRIBUTES[_role] = {**_attributes, **_PLACE}

#: Shapes that records of a role may have.
SHAPES: dict[Role, tuple[str, ...]] = {
    "pipe": ("line",), "sewer": ("line",), "zone": ("polygon",), "manhole": ("point",),
    "valve": ("point", "line"), "control": ("line", "point"), "pump": ("point", "line"),
    "prv": ("point", "line"), "check": ("point", "line"), "service": ("line", "point"),
    "hydrant": ("point",), "node": ("point",), "tank": ("point", "polygon"),
    "source": ("point", "polygon"), "premise": ("point", "polygon"),
    "station": ("point", "polygon"),
}  # fmt: skip

#: Parts of layer names; the longest that is found decides.
_LAYERS: tuple[tuple[Role, str], ...] = (
    ("pipe", "pipe,pipes,main,mains,water main,管线,管段,管道,供水管,给水管,水管,给水管线,"
        "供水管线,"
     "原水管,water line,meter link"),
    ("valve", "valve,valves,阀,阀门,闸阀,蝶阀"),
    ("hydrant", "hydrant,hydrants,消火栓,消防栓,消防"),
    ("node", "node,nodes,junction,junctions,fitting,fittings,节点,管点,三通,弯头,连接点"),
    ("tank", "tank,tanks,水池,水塔,清水池,高位水池"),
    ("source", "source,sources,reservoir,reservoirs,fixed head,水源,水厂,水库,出厂"),
    ("service", "service,services,service line,lateral,connections,户线,入户管,接户管,"
        "用户支管"),
    ("premise", "premise,premises,customer,customers,property,properties,用户,用水点,"
        "水表用户,表户"),
    ("control", "control,controls,控制阀"),
    ("pump", "pump,pumps,水泵,泵"),
    ("prv", "prv,reducing valve,pressure reducing,减压阀,调压阀"),
    ("check", "check valve,checkvalve,止回阀,单向阀,逆止阀"),
    ("zone", "zone,zones,pressure zone,dma,dmas,district metered area,分区,压力分区,计量分区"),
    ("manhole", "manhole,manholes,gully,检查井,窨井,雨水井,污水井,排水井,雨水口"),
    ("sewer", "sewer,sewers,sewer main,drain,drains,drainage,storm,storm main,污水管,"
        "雨水管,排水管,"
     "污水管线,雨水管线,排水管线,污水管道,雨水管道,排水管道,合流管"),
    ("station", "station,stations,pump station,booster,二次供水,泵房,加压泵站,泵站"),
    ("ignore", "road,roads,street,streets,building,buildings,parcel,道路,建筑,房屋,地块,"
        "break,breaks"),
)  # fmt: skip
LAYER_WORDS: tuple[tuple[str, Role], ...] = tuple(
    (plain(part), role) for role, parts in _LAYERS for part in parts.split(",")
)


def _table(text: str) -> dict[str, str]:
    out = {}
    for line in text.strip().splitlines():
        ours, _, words = line.strip().partition(":")
        for word in (ours, *words.split(",")):
            out[plain(word)] = ours
    return out


#: Table name -> plain word in a file -> our word.
WORDS: dict[str, dict[str, str]] = {
    "material": _table("""
        DI: ductile iron,ductile,dip,球墨铸铁,球墨,球墨铸铁管,球铁,k9
        CI: cast iron,cip,灰口铸铁,灰铁,铸铁,铸铁管,灰口铸铁管
        ST: steel,stl,钢,钢管,焊接钢管,螺旋钢管,无缝钢管
        GS: galvanised steel,galvanized,镀锌管,镀锌钢管,镀锌
        SS: stainless steel,不锈钢,不锈钢管,薄壁不锈钢
        PE: polyethylene,pe管,聚乙烯,聚乙烯管,pe100
        HDPE: hdpe管,高密度聚乙烯
        PVC: upvc,pvcu,pvc-u,pvc管,聚氯乙烯,塑料,塑料管
        PPR: ppr管,pp-r
        AC: asbestos cement,石棉水泥,石棉水泥管
        PCCP: 预应力钢筒混凝土管,预应力钢筒混凝土
        RC: concrete,conc,混凝土,混凝土管,钢筋混凝土,钢筋混凝土管,砼,砼管
        GRP: frp,玻璃钢,玻璃钢夹砂管,玻璃钢管
        CU: copper,cop,铜,铜管
        PB: lead,铅
        VC: clay,vitrified clay,vcp,陶土,陶土管
        BR: brick,砖,砖砌
    """),
    "role": _table("""
        raw: raw water,原水,原水管,浑水
        transmission: trunk,trunk main,transmission main,输水,输水管,输水干管,主干管,干管
        distribution: distribution main,treated,main,配水,配水管,支管,配水支管,配水干管,供水管,给水
    """),
    "valve_kind": _table("""
        gate: gate valve,gv,sluice,闸阀,闸板阀,软密封闸阀,isolation,阀门,other,ball,球阀
        butterfly: butterfly valve,bv,bfv,蝶阀,蜗杆蝶阀
    """),
    "valve_mode": _table("""
        prv: pressure reducing,减压
        psv: pressure sustaining
        fcv: flow control
        thv: throttle,tcv
        gate: isolation,iso
        check: nrv,non return,止回
    """),
    "position": _table("""
        open: o,opened,normally open,no,1,true,yes,y,on,开,常开,开启,打开,全开,是
        closed: c,close,shut,normally closed,nc,0,false,n,off,关,常闭,关闭,闭,全关,否
    """),
    "operable": _table("""
        yes: y,true,1,ok,good,operable,works,working,可,可操作,能,是,完好,良好,正常,好
        no: n,false,0,bad,broken,inoperable,seized,stuck,buried,不可,不可操作,不能,否,损坏
        no: 锈死,卡死,故障,坏,失灵
        unknown: ?,unk,na,n/a,not tested,untested,不明,未知,不详,未检,待查
    """),
    "closes": _table("""
        clockwise: cw,right,顺时针,顺,右旋,右
        anticlockwise: ccw,counterclockwise,counter clockwise,left,逆时针,逆,左旋,左
    """),
    "node_kind": _table("""
        junction: node,tee,bend,cap,cross,reducer,fitting,节点,三通,四通,弯头,管堵,变径,直通
        junction: 管帽,接头
        tank: storage,水池,水塔,高位水池,清水池
        reservoir: source,fixed head,水源,水厂,水库
    """),
    "control_kind": _table("""
        pump: 水泵,泵
        prv: pressure reducing,pressure reducing valve,减压阀
        psv: pressure sustaining,pressure sustaining valve,持压阀
        fcv: flow control,flow control valve,流量控制阀,流量调节阀
        check: check valve,nrv,non return valve,止回阀,单向阀
        tcv: throttle,throttle control valve,节流阀,调节阀
    """),
    "zone_kind": _table("""
        pressure: pressure zone,zone,压力分区,压力
        dma: district metered area,计量分区,计量,dma分区
    """),
    "manhole_kind": _table("""
        manhole: inspection chamber,检查井,窨井,井,污水井,雨水井,污水检查井,雨水检查井
        gully: catch basin,inlet,雨水口,雨篦,雨水篦,收水井
        pump: pumping station,lift station,泵站,提升泵站
        outfall: outlet,排放口,排水口,出水口,排口
    """),
    "carries": _table("""
        foul: sanitary,sewage,waste,污水,污,ws,污水管
        storm: stormwater,rain,surface water,雨水,雨,ys,雨水管
        combined: 合流,雨污合流,雨污,hs,合流管
    """),
    "flag": _table("""
        true: yes,y,1,t,on,是,有,真,可,✓
        false: no,n,0,f,off,否,无,假,不可
    """),
}  # fmt: skip

#: Units, plain -> factor to ours (mm for diameters, m for lengths, m3/s for flows).
UNITS: dict[str, dict[str, float]] = {
    "diameter": {"mm": 1, "cm": 10, "m": 1000, "inch": 25.4, "in": 25.4, "ft": 304.8},
    "length": {"m": 1, "mm": 0.001, "cm": 0.01, "km": 1000, "ft": 0.3048, "inch": 0.0254},
    "flow": {
        "m3/s": 1, "l/s": 0.001, "m3/h": 1 / 3600, "m3/d": 1 / 86400, "l/d": 0.001 / 86400,
        "l/min": 0.001 / 60, "gpm": 0.0000630902,
    },
    "volume": {"m3": 1, "l": 0.001},
    "hourly": {"m3/h": 1, "m3/d": 1 / 24, "l/s": 3.6, "m3/s": 3600},
}  # fmt: skip
