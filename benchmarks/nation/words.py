"""What things are called. Units and documents are made up and say so; sectors and items sound like real ones."""

from __future__ import annotations

from typing import NamedTuple


class Sector(NamedTuple):
    """A sector: its key, its name, what its bureaus are called, and what its apps are about."""

    key: str
    name: str
    bureau: str
    topics: tuple[str, ...]


def _sector(key: str, name: str, bureau: str, topics: str) -> Sector:
    return Sector(key, name, bureau, tuple(topics.split()))


SECTORS = (
    _sector("governance", "基层治理", "基层治理", "网格事项 村情民意 矛盾调解 村务公开 社区服务"),
    _sector("emergency", "应急管理", "应急管理", "防汛抗旱 灾情速报 森林防火 安全生产 物资储备"),
    _sector("agriculture", "农业农村", "农业农村", "春耕备耕 农情调度 高标准农田 动物防疫 农机服务"),
    _sector("health", "卫生健康", "卫生健康", "家庭医生 妇幼保健 疫苗接种 慢病随访 公共卫生"),
    _sector("civil-affairs", "民政", "民政", "低保救助 养老服务 残疾补贴 殡葬服务 儿童关爱"),
    _sector("education", "教育", "教育", "校园安全 学籍管理 控辍保学 教师研修 营养改善"),
    _sector("water", "水利", "水利", "河湖长制 水库安全 农村供水 取水许可 水土保持"),
    _sector("environment", "生态环境", "生态环境", "秸秆禁烧 排污许可 空气质量 固废转移 入河排口"),
    _sector("housing", "住房城乡建设", "住房和城乡建设", "危房改造 自建房安全 物业服务 工地监管 公租房"),
    _sector("transport", "交通运输", "交通运输", "农村公路 客运管理 治超管理 渡口安全 公交服务"),
    _sector("natural-resources", "自然资源", "自然资源", "耕地保护 地质灾害 不动产登记 林长制 国土调查"),
    _sector(
        "human-resources", "人力资源社会保障", "人力资源和社会保障", "社保认证 就业服务 欠薪线索 技能培训 零工市场"
    ),
    _sector("justice", "司法行政", "司法", "人民调解 法律援助 社区矫正 普法宣传 公证服务"),
    _sector("public-security", "公安", "公安", "流动人口 反诈宣传 旅馆登记 交通事故 户籍办理"),
    _sector("market", "市场监管", "市场监督管理", "食品安全 特种设备 药品追溯 价格监测 个体登记"),
    _sector("culture", "文化和旅游", "文化和旅游", "文物保护 公共文化 旅游服务 非遗传承 文化市场"),
    _sector("statistics", "统计", "统计", "住户调查 人口普查 经济普查 农业统计 劳动力调查"),
    _sector("veterans", "退役军人事务", "退役军人事务", "优抚对象 就业扶持 烈士褒扬 双拥服务 信息采集"),
    _sector("medical-insurance", "医疗保障", "医疗保障", "参保登记 异地就医 门诊慢病 救助资助 待遇核查"),
    _sector("forestry", "林业草原", "林业和草原", "护林管理 草原监测 古树名木 病虫防治 生态补偿"),
    _sector("fire", "消防救援", "消防救援", "九小场所 消防设施 微型消防站 隐患整治 消防宣传"),
    _sector("tax", "税务", "税务", "个体定税 发票服务 社保缴费 税费辅导 涉税数据"),
    _sector("data", "数据管理", "数据", "数据目录 政务服务 电子证照 数据归集 一网统管"),
    _sector("party-building", "党建", "党务", "组织生活 党员教育 发展党员 阵地管理 志愿服务"),
)

SUFFIXES = ("通", "在线", "服务", "管理", "直报", "助手", "平台", "云")


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


_SUBJECTS = _words(
    "常住人口 流动人口 低保对象 特困人员 留守儿童 独居老人 残疾人员 退役军人 优抚对象 失业人员 农民工 在校学生 党员",
    "网格员 村医 河长 护林员 个体工商户 小微企业 规上企业 合作社 家庭农场 农户 耕地 林地 草地 水库 山塘 河道 水井",
    "渡口 桥梁 农村公路 危房 自建房 公租房 校舍 养老机构 医疗机构 药店 餐饮单位 集贸市场 加油站 工地 矿山 危化企业",
    "旅馆 网吧 文物 古树 畜禽养殖 农机 农药 化肥 秸秆 垃圾 污水 排污口 特种设备 消防设施 救灾物资 避灾场所",
    "地质灾害点 受灾群众",
)
_ASPECTS = _words(
    "数量 名册 分布 变动情况 走访情况 巡查情况 排查情况 整改情况 帮扶情况 补贴发放 资金使用 面积 产量 收入 健康状况",
    "就业状况 安全状况 联系方式 责任人 台账 照片 证照 合同 投诉 满意度 培训情况 检查记录 隐患清单 需求清单 进度",
    "预警信息 月度汇总 季度汇总 年度汇总 基本信息 明细",
)
_SCOPES = ("", "辖区内", "新增", "重点", "农村", "城镇", "历年", "当期", "拟退出", "复核后")

ITEMS = len(_SUBJECTS) * len(_ASPECTS) * len(_SCOPES)
"""How many data items there are."""


def item(n: int) -> tuple[str, str]:
    """Give code and name of a data item: the plainest are the first."""
    rest, subject = divmod(n, len(_SUBJECTS))
    scope, aspect = divmod(rest, len(_ASPECTS))
    return f"item-{n:05}", f"{_SCOPES[scope]}{_SUBJECTS[subject]}{_ASPECTS[aspect]}"
