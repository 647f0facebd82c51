"""How logs are written, for whoever looks for the record that failed."""

from __future__ import annotations

import re
from typing import Final

# What begins a record of a log; other lines belong to the record above them.
BEGINS: Final = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d:\d\d:\d\d|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SUCCESS)\b|\{\""
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d |\S+ \S+ \S+ \[\d\d/"
)
# Without one of these a record tells of no trouble. A pattern for RE2, which goes over a long log in one pass.
TROUBLE: Final = (
    r"(?i)error|exception|traceback|critical|fatal|fail|quota|balance|credit|insufficient|billing|exceed|limit|denied|forbidden|"
    r"unauthor|invalid|expired|suspend|overload|unavailable|refused|time[d ]?-?out|too many|payment|"
    r"错误|失败|异常|报错|余额|额度|欠费|超时|限流|无权|无效|不足|拒绝|耗尽|用尽|\b[45]\d\d\b"
)
# What differs between two records that say the same.
VARIES: Final = re.compile(r"[0-9a-f]{8,}|\d+")
