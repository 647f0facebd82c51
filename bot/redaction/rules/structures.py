"""Secrets that are known by what stands around them.

`pattern` is RE2 and its group 1 is what goes; it is tried only on a text that holds one of the `hints`. `judged`: the value must not
be a placeholder or a mask.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Structure(NamedTuple):
    name: str
    kind: str
    hints: tuple[str, ...]
    pattern: str
    sample: str
    near: str
    judged: bool = False


# a program was asked for a setting, and answered in the next line
_SHOWING: Final = r"(?:getItem\(|getenv\(|environ(?:\.get\(|\[)|process\.env[.\[]|printenv |echo (?:%|\"?\$\{?)|\$env:)[\"']?[A-Za-z0-9_]{0,40}"
_BELOW: Final = r"[\"'%})\]]{0,3};?[ \t]{0,4}\r?\n(?:[<>]\.?[ \t]|=>[ \t]|(?:←)[ \t]?)?[\"']?"
SHOWN: Final = rf"{_SHOWING}{_BELOW}[A-Za-z0-9_\-/+]{{16}}"

RULES: Final[tuple[Structure, ...]] = (
    Structure(
        "slack-webhook", "slack webhook", ("hooks.slack",),
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/\-]{20,})",
        "https://hooks.slack.com/services/T<U9>/B<U9>/<a24>", "https://hooks.slack.com/services/",
    ),
    Structure(
        "discord-webhook", "discord webhook", ("/webhooks/",), r"/webhooks/([0-9]{15,20}/[A-Za-z0-9_\-]{40,})",
        "https://discord.com/api/webhooks/1<d18>/<u68>", "https://discord.com/api/webhooks/",
    ),
    Structure(
        "feishu-webhook", "feishu webhook", ("/hook/",), r"/bot/(?:v2/)?hook/([0-9a-zA-Z\-]{20,})",
        "https://open.feishu.cn/open-apis/bot/v2/hook/<g>", "https://open.feishu.cn/open-apis/bot/v2/hook/",
    ),
    Structure(
        "wecom-webhook", "wecom webhook", ("webhook/",), r"webhook/(?:send|upload_media)\?(?:debug=1&)?key=([0-9a-zA-Z\-]{20,})",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=<g>", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    ),
    Structure(
        "dingtalk-webhook", "dingtalk webhook", ("robot/send",), r"robot/send\?access_token=([0-9a-zA-Z]{32,})",
        "https://oapi.dingtalk.com/robot/send?access_token=<h64>", "https://oapi.dingtalk.com/robot/send?access_token=",
    ),
    Structure(
        "userinfo", "password", ("@",), r"://[^\s/@:\"'<>\[\]]*:([^\s/\"'<>]+)@",
        "postgresql://app:<a11>1@db.example.com:5432/app", "https://user:password@db.example.com/app", True,
    ),
    Structure(
        "userinfo-slash", "password", ("@",),
        r"(?:postgres(?:ql)?|mysql|rediss?|mongodb|amqps?)(?:\+[a-z]+)?://[^\s/@:\"'<>\[\]]*:([^\s\"'<>]+)@",
        "redis://:<a8>/<a8>1@cache.example.com:6379/0", "redis://:${REDIS_PASSWORD}@cache.example.com/0", True,
    ),
    Structure(
        "sentry-dsn", "sentry key", ("@",), r"://([0-9a-f]{32})(?::[0-9a-f]{32})?@",
        "https://<h32>@o42.ingest.sentry.io/17", "https://o42.ingest.sentry.io/17",
    ),
    Structure(
        "token-user", "password", ("@",), r"://([A-Za-z0-9_\-%.+=]{20,})@",
        "https://<a30>1@git.example.com/team/app", "https://deploy@git.example.com/team/app", True,
    ),
    Structure(
        "dsn", "password", ("@tcp(", "@unix("), r"[A-Za-z0-9_]:([^\s@\"'/]+)@(?:tcp|unix)\(",
        "root:<a11>1@tcp(db.example.com:3306)/newapi", "root:password@tcp(db.example.com:3306)/newapi", True,
    ),
    Structure(
        "proxy", "password", ("@",),
        r"[A-Za-z0-9_.\-]:([A-Za-z0-9!#$%^*_+=.~\-]+)@(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)(?::[0-9]{2,5})\b",
        "proxy u1:<a11>1@10.0.0.8:7890", "image new-api:latest@registry.example.com:5000", True,
    ),
    Structure(
        "curl-user", "password", ("-u ", "-u'", '-u"', "--user", "--proxy-user"),
        r"(?:\s|^|')(?:-u|--user|--proxy-user)[ =]{0,3}[\"']?[^\s:\"']*:([^\s\"']{4,})",
        "curl -u admin:<a11>1 https://example.com", "curl -u admin:${PASS} https://example.com", True,
    ),
    Structure(
        "curl-user-only", "api key", ("-u ", "-u'", '-u"', "--user"), r"(?:\s|^|')(?:-u|--user)[ =]{0,3}[\"']?([A-Za-z0-9_\-]{20,}):(?:[\s\"']|$)",
        "curl -u <a30>1a: https://example.com", "curl -u $API_KEY: https://example.com", True,
    ),
    Structure(
        "short-flag", "api key", (" -k ", " -k="), r" -k[ =]{1,3}[\"']?([A-Za-z0-9_\-]{24,})(?:[\s\"']|$)",
        "mytool -k <a30>1a --model gpt-4o", "pytest -k test_of_the_keys_in_any_dress_2", True,
    ),
    Structure(
        "told-apart", "secret", ('variable "', "SecureString"),
        r"(?:variable|name[ \t]{1,12}=)[ \t]{1,12}\"[^\"\n]{0,80}(?i:key|secret|token|pass|credential)[^\"\n]{0,40}\"[^{}]{0,4}\{?[^{}]{0,400}?\b(?:default|value)[ \t]{0,24}=[ \t]{0,24}\"([^\"\n]{8,})\"",
        'variable "api_key" {\n  type    = string\n  default = "<a30>1a"\n}', 'variable "api_key" {\n  type    = string\n  default = "${env}"\n}', True,
    ),
    Structure(
        "id-and-key", "api key", ("/SecretKey", "/SK", "/sk", "/Secret Key", "/secret"),
        r"(?i:id|ak|key) ?/ ?(?i:secret ?key|secret|sk)(?:：|:|=| ) ?[A-Za-z0-9]{12,60} ?/ ?([A-Za-z0-9+/]{20,80}={0,2})",
        "SecretId/SecretKey：AKID<a32> / <a30>1a", "SecretId/SecretKey：AKID**** / ****", True,
    ),
    Structure(
        "mysql-flag", "password", ("mysql", "sshpass", "mongo"), r"\b(?:mysql|mysqldump|mysqladmin|sshpass|mongo)\b[^\n]*? -p[ ]?[\"']?([^\s\"']{6,100})",
        "mysql -h db -u root -p<a11>1", "mysql -h db -u root -p", True,
    ),
    Structure(
        "base64-piped", "secret", ("base64 -", "base64 <"), r"(?:echo|printf)(?: -n| '?%s'?)? [\"']?([A-Za-z0-9+/_\-]{16,}={0,2})[\"']? *\| *base64 +(?:-d|-D|--decode)",
        "echo <b40> | base64 -d", "echo hello | base64 -w0",
    ),
    Structure(
        "login-piped", "password", ("-stdin",), r"(?:echo|printf)(?: -n| [\"']?%s(?:\\n)?[\"']?)? [\"']?([^\s\"'|$]{6,})[\"']? *\| *(?:sudo )?(?:docker|podman|helm|gh|az|buildah|skopeo|oras|nerdctl|crane)\b",
        "echo <a20>1a | docker login -u me --password-stdin", "echo $TOKEN | docker login -u me --password-stdin", True,
    ),
    Structure(
        "secure-string", "password", ("SecureString",), r"SecureString[ \t(]{1,4}(?:-String[ \t]{1,4})?[\"']([^\"'\n]{6,})[\"']",
        "ConvertTo-SecureString \"<a20>1a\" -AsPlainText -Force", "ConvertTo-SecureString $plain -AsPlainText -Force", True,
    ),
    Structure(
        "told-after", "api key", ("的key", "的 key", "的Key", "的 Key", "的KEY", "的密钥", "的令牌", "的token"), r"\b([A-Za-z0-9_\-]{24,})[\"'` ]{0,3}(?:是|就是)[^\n\t ]{0,36}的 ?(?:key|Key|KEY|密钥|令牌|token)(?:$|[ \t\r\n,.!?]|，|。|！|？|吧|啊)",
        "<a32>1a 是我的key", "req_0123456789abcdef01234567 是这个key的请求", True,
    ),
    Structure(
        "netrc", "password", ("password", "passwd"), r"\blogin[ \t\n]{1,8}[^\s]{1,80}[ \t\n]{1,8}passw(?:or)?d[ \t\n]{1,8}([^\s]{6,})",
        "machine api.example.com login me password <a20>1a", "login failed password ${PASS}", True,
    ),
    Structure(
        "hex-piped", "secret", ("xxd -r", "unhex", "fromhex", "hex2bin"), r"(?:echo(?: -n)? |printf '?%s'? |fromhex\(|unhexlify\(|hex2bin\()b?[\"']?([0-9a-fA-F]{24,})\b",
        "echo <h40> | xxd -r -p", "echo hello | xxd -r -p",
    ),
    Structure(
        "auth-pair", "password", ("auth=", "auth:", "Auth("), r"(?:\bauth=|\bauth: ?|[Bb]asicAuth)[\[(]\s{0,4}[\"'][^\"'\n]{0,80}[\"'],\s{0,4}[\"']([^\"']{6,})[\"']",
        "requests.get(url, auth=('api', '<a20>1a'))", "requests.get(url, auth=('api', '${TOKEN}'))", True,
    ),
    Structure(
        "base64-decoded", "secret", ("atob(", "64decode(", "64_decode(", "64String("),
        r"(?:atob|64decode|64_decode|64String)\(\s*b?[\"']([A-Za-z0-9+/_\-]{16,}={0,2})", "atob('<b40>')", "atob(header)",
    ),
    Structure(
        "refused-setting", "api key", ("input_value='",),
        r"(?:^|\n)[A-Za-z0-9_.]{0,80}(?i:key|secret|token|passwd|password|pwd|credential|dsn)(?:_?[0-9]{1,2})?\r?\n[ \t][^\n]{0,160}\[type=[a-z_]{1,40}, input_value='([^'\n]{6,})'",
        "1 validation error for Settings\nslack_signing_secret\n  Extra inputs are not permitted [type=extra_forbidden, input_value='<h32>', input_type=str]",
        "1 validation error for Settings\nmax_tokens\n  Input should be a valid integer [type=int_parsing, input_value='4096x', input_type=str]", True,
    ),
    Structure(
        "shown-setting", "api key", (),  # a hint of its own: SHOWN
        rf"(?:^|\n)[^\n=]{{0,60}}?{_SHOWING}(?i:key|secret|token|passwd|password|pwd|credential)(?:_?[0-9]{{1,2}})?{_BELOW}([A-Za-z0-9_\-/+]{{16,}}={{0,2}})[\"']?[ \t]{{0,4}}(?:\r?\n|\z)",
        "$ echo $ARK_API_KEY\n<g>\n$ python main.py", "$ echo $ARK_API_KEY\n${ARK_API_KEY}\n$ python main.py", True,
    ),
    Structure(
        "pem-base64", "private key", ("LS0tLS1CRUdJTi",), r"(LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}(?:\s{1,12}[A-Za-z0-9+/]{20,})*={0,2})",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t<b200>", "LS0tLS1CRUdJTi",
    ),
    Structure(
        "pem", "private key", ("PRIVATE KEY",),
        r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\n|\\r)*[A-Za-z\-]{1,20}: [A-Za-z0-9,\-. ]{1,80})*)",  # its end: see pem
        "-----BEGIN RSA PRIVATE KEY-----\n<b64>\n<b64>\n-----END RSA PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----",
    ),
)  # fmt: skip
