"""Words by which regulated functions go under other names (变相), per rule label; how they are read: `readings/wording.py`.

Words are written without spaces and in their usual width. A word two characters long stands inside many longer ones, so
the harmless ones are listed beside it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Words of one rule: `says` are alarming, `unless` are phrases in which they are harmless; the longer one counts."""

    says: tuple[str, ...]
    unless: tuple[str, ...] = ()


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


LEXICON: dict[str, Entry] = {
    # 打卡签到
    "13.7a": Entry(
        says=_words(
            "打卡 打个卡 签到 签个到 签退 点卯 考勤 每日一签 每日一报 一日一报 每天一报 一天一报 每日必报",
            "每日报到 每天报到 天天报到 定期报到 双报到 报平安 每日报备 在岗报备 上班报备 到岗确认 在岗确认",
            "在线点名 线上点名 网上点名 电子点名 每日点名 定时点名 视频点名 人脸点名 点名系统",
            "在线查岗 线上查岗 电子查岗 视频查岗 远程查岗 打卡地点 打卡地址",
        ),
        unless=_words(
            "打卡地 网红打卡 旅游打卡 文旅打卡 景区打卡 景点打卡 美食打卡 打卡胜地 打卡圣地 打卡景点 打卡攻略",
            "打卡发放 打卡到户 打卡直发 打卡兑付 打卡支付",  # 惠农补贴“打卡发放”: money paid to a card.
            "续签到期 签到期 标签到 签退回",  # 合同续签到期, 贴标签到户, 会签退回: two words that meet.
        ),
    ),
    # 积分排名; likes, votes and forwards belong to its 「等」.
    "13.7b": Entry(
        says=_words(
            "积分 排名 排行 排位赛 名次 龙虎榜 红黑榜 红榜 黑榜 光荣榜 英雄榜 先锋榜 风云榜 贡献榜 得分榜 活跃榜 进度榜 曝光榜",
            "晒成绩 晒业绩 晒进度 成绩晾晒 工作晾晒 晾晒台 晾晒榜 晾晒比拼 赛马机制 赛马制 擂台 末位 月度评比 季度评比",
            "点赞 点个赞 集赞 求赞 刷赞 投票 拉票 打榜",
            "转发量 转发数 转发率 转发次数 转发任务 转发截图 转发朋友圈 朋友圈转发 转发分享 分享转发 转发到朋友圈",
        ),
        unless=_words(
            "积分入户 积分落户 积分入学 积分申请入学 积分制入户 积分制落户 积分制入学 积分制服务管理",
            "驾照积分 驾驶证积分 碳积分 微积分 定积分 积分方程",
            "面积分 体积分 容积分 累积分 堆积分 沉积分 蓄积分 淤积分",  # 面积分布, 体积分数, 蓄积分析.
            "排名不分先后 高校排名 大学排名 安排名 编排名 安排行 编排行 姓名次",  # 安排名额, 安排行程, 姓名次序.
            "投票站 投票点 投票所 投票选举 选举投票 业主投票 业主大会投票 业主共同投票 居民投票 村民投票 股东投票",
            "浏览点赞的 值得点赞 群众点赞 广受点赞 令人点赞 重点赞 景点赞 亮点赞",  # 重点赞助, 景点赞誉.
        ),
    ),
    # 统计在线时长, 学习时长
    "13.7c": Entry(
        says=_words(
            "在线时长 学习时长 停留时长 使用时长 阅读时长 观看时长 浏览时长 登录时长 活跃时长 听课时长 视听时长 挂机时长",
            "学时 在线时间统计 统计在线时间 学习时间统计 统计学习时间 累计在线 在线满 学习满",
        ),
        unless=_words(
            "设备在线时长 终端在线时长 充电桩在线时长 摄像头在线时长 传感器在线时长",
            "设备使用时长 终端使用时长 场地使用时长 车位使用时长 车辆使用时长 会议室使用时长",
            "驾培学时 驾校学时 学车学时 驾驶培训学时",
            # 大学时期, 上学时间, 数学时代: two words that meet.
            "大学时 中学时 小学时 上学时 入学时 开学时 放学时 同学时 升学时 留学时 转学时 办学时 教学时 助学时 求学时",
            "就学时 复学时 休学时 退学时 数学时 科学时 文学时 化学时 医学时 哲学时 学时尚",
        ),
    ),
    # 工作考核日常化、督查检查线上化: phrases in which the function itself appraises; 考核 alone is often mere mention.
    "14.4": Entry(
        says=_words(
            "工作考核 日常考核 月度考核 季度考核 年度考核 绩效考核 目标考核 量化考核 在线考核 线上考核 网上考核 干部考核",
            "考核评分 考核打分 考核管理 考核系统 考核平台 考核台账 考核排名 考核上报 千分制考核 百分制考核",
            "工作考评 综合考评 日常考评 在线考评 干部考评 考评打分 考评管理 考评系统 督考 评分考核",
            "督查检查 督查考核 线上督查 在线督查 网上督查 云督查 督查督办 督查管理 督查台账 督查系统 督查平台 督导检查",
            "线上检查 在线检查 云检查 检查考核 检查评分 检查打分 迎检材料 明察暗访",
        ),
        unless=_words(
            # Appraisal that is elsewhere, and mentioned as what a function counts for.
            "纳入工作考核 纳入日常考核 纳入月度考核 纳入季度考核 纳入年度考核 纳入绩效考核 纳入目标考核 纳入综合考评",
            "安全监督考试 互联网督查平台 互联网+督查平台 培训在线考核 学员在线考核",
        ),
    ),
    # 工作照片、视频、轨迹; 留痕 alone is what every audit trail does.
    "14.6": Entry(
        says=_words(
            "轨迹 行踪 工作足迹 履职足迹 巡查路线记录 实时定位 上传定位 定位上传 上传位置 位置上传 上报位置 位置上报",
            "工作留痕 照片留痕 拍照留痕 留痕照片 留痕视频 留痕管理 留痕材料 巡查留痕 走访留痕 履职留痕",
            "上传照片 上传图片 照片上传 图片上传 上传工作照片 上传现场照片 拍照上传 拍照上报 拍照留存 工作照片 现场照片",
            "佐证照片 佐证图片 照片佐证 图片佐证 水印照片 水印相机 上传视频 视频上传 上传录像 录像上传 工作视频 现场视频",
            "网格员随手拍 干部随手拍",
        ),
        unless=_words(
            "人生轨迹 发展轨迹 成长轨迹 历史轨迹 思想轨迹 生活轨迹 职业轨迹 台风轨迹 卫星轨迹 天体轨迹 抛物线轨迹",
            "物流轨迹 快递轨迹 邮件轨迹 包裹轨迹 运输轨迹 航行轨迹 船舶轨迹 飞行轨迹 公交实时定位 班车实时定位",
        ),
    ),
}
"""The words, by rule label."""

DENIALS = _words(
    "无需 无须 毋须 不需 不需要 不用 不必 不得 不再 不设 不设置 不设立 不搞 不含 不包含 不提供 不涉及 不使用 不采用 不采集",
    "不收集 不记录 不统计 不要求 不强制 不强制要求 未设 未设置 未设立 没有设置 取消 取消了 已取消 禁止 严禁 杜绝 停止 停用 关闭",
    "废止 废除 撤销 去除 移除 避免 防止 反对 免 免除 免于 豁免",
)
"""Said before a word, they deny what it says: 无需打卡, 不设排名."""

CONDITIONS = _words("不 无 没有")
"""They deny it too, unless the words around make it a condition with consequences: 不打卡的扣分."""

REVERSALS = (*DENIALS, *_words("不 未 尚未 并未 没 没有 不能 不可 不许 不准 不要 可 可以 支持 允许 申请"))
"""Said before a denial, they turn it round or leave it to the user: 不得取消打卡, 不得不打卡, 可取消点赞."""

SUPPOSITIONS = _words("如 若 凡 对 因 逾期 连续 多次 无故 经常 长期 再 仍 还 者")
"""Said before one of `CONDITIONS`, they make it a condition: 无故不签到."""

CONSEQUENCES = _words(
    "扣 罚 通报 约谈 影响 视为 视同 视作 算作 缺勤 旷工 预警 催 提醒 清退 淘汰 追责 问责 处理 处分 限制 无法 不能 不予 不得",
    "资格 降 人员 名单 记录 者",
)
"""Said soon after one of `CONDITIONS` and its word, they make it a condition, unless they are denied themselves."""

ABUSES = _words(
    "作弊 造假 作假 弄虚作假 舞弊 失真 不实 遗漏 拥堵 迟到 早退 代替 替代 后离 后早退 后脱岗 记录 数据 提醒 异常 失败",
)
"""Said directly after a word, they are what a denial before it means, not the word: 严禁打卡作弊, 关闭打卡提醒."""

BETWEEN = _words(
    "、 / 和 及 与 或 以及 或者 及其 并 每日 每天 天天 每周 每月 定期 定时 强制 强制性 强制性的 要求 变相 任何 任何形式的 各种形式的 各类 其他",
    "统计 设置 进行 开展 实行 实施 采用 组织 参与 参加 作为 纳入 计入 用于 上传 上报 记录 采集 显示 公布 公开 发布",
    "对 将 以 按 搞 用户 个人 全员 干部 村干部 人员 工作人员 基层 单位 使用者 群众 照片 图片 视频 现场 工作 再 线上 在线 扫码 定位",
)
"""What may stand between a denial and the word that it denies, besides other words of the lexicon."""

AFTERWARDS = _words(
    "已取消 已停用 已关闭 已下线 已废止 功能已取消 功能已停用 功能已关闭 功能已下线 制度已取消 要求已取消",
)
"""Said directly after a word, they deny it as well: 打卡功能已取消."""
