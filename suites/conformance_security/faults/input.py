"""Faults of input and HTTP."""

from __future__ import annotations

from conformance.sdk import Fault, Text, Trip
from conformance_security.faults.naming import fault

FAULTS: tuple[Fault, ...] = (
    fault(
        "injection.sql-error",
        "A quote in a text breaks the query that it is pasted into",
        "文本中的引号破坏其被拼接进的查询",
        "SEC-I01", "must not break the product (SQL in a field",
    ),
    fault(
        "injection.template-evaluated",
        "Texts are rendered as templates",
        "文本被当作模板渲染",
        "SEC-I01", "must not be interpreted (template in a field",
    ),
    fault(
        "injection.command-sleep",
        "Texts reach a shell",
        "文本被传入命令解释器",
        "SEC-I01", "must not delay the answer",
    ),
    fault(
        "injection.lookup-followed",
        "Lookups in texts are followed",
        "文本中的查找表达式被解析并发起连接",
        "SEC-I01", "must not make the product connect anywhere",
    ),
    fault(
        "injection.crlf-header",
        "Line breaks in a query reach the headers of the answer",
        "查询参数中的换行进入响应头",
        "SEC-I01", "must not be interpreted (CRLF in the query",
    ),
    fault(
        "input.deep-json-crash",
        "Deeply nested JSON crashes the parser",
        "嵌套过深的 JSON 使解析器崩溃",
        "SEC-I02", "levels deep",
    ),
    fault(
        "input.duplicate-keys",
        "The last of repeated members wins",
        "重复字段取最后一个",
        "SEC-I03", "names the amount twice",
    ),
    fault(
        "input.invalid-utf8",
        "Broken bytes are replaced and accepted",
        "非法字节被替换后接受",
        "SEC-I04", "the reference holds",
    ),
    fault(
        "input.charset-obeyed",
        "Bodies are read in whatever character set they name",
        "按请求声明的任意字符集解码请求体",
        "SEC-I04", "the body is UTF-7",
    ),
    fault(
        "input.mark-crash",
        "A byte order mark breaks the operation",
        "字节顺序标记使操作崩溃",
        "SEC-I04", "must be accepted or refused cleanly: a body with a byte order mark",
    ),
    fault(
        "input.large-slow",
        "Bodies that are too large are looked at before they are refused",
        "过大的请求体在拒绝前被长时间处理",
        "SEC-I02", "must be refused before it is read and kept",
    ),
    fault(
        "input.content-type-sniffed",
        "JSON is accepted under any media type",
        "任意媒体类型均按 JSON 接受",
        "SEC-I05", "JSON was sent",
    ),
    fault(
        "input.method-override",
        "A header changes the method",
        "请求头可改变方法",
        "SEC-I06", "a read stays a read",
        "SEC-I06.write",
    ),
    Fault(
        "input.method-override-post",
        Text("A header changes the method of a POST", "请求头可改变 POST 请求的方法"),
        (Trip("SEC-I06", "a POST stays a POST"), Trip("SEC-I06.write", "a write stays a write")),
    ),
    fault(
        "ssrf.callback-unchecked",
        "Callbacks inside the network are called",
        "可向内部网络发起回调",
        "SEC-I08", "inside the product's own network",
    ),
    fault(
        "ssrf.redirect-followed",
        "Callbacks follow redirections wherever they lead",
        "回调会跟随重定向到任意地址",
        "SEC-I08", "that redirects into the product's own network must not be followed",
    ),
    fault(
        "input.page-size-unbounded",
        "Page sizes are passed to the database",
        "分页大小未加限制",
        "SEC-I09", "must be refused or capped",
        "SEC-I10.drawn",
    ),
    fault(
        "input.page-size-uncapped",
        "Page sizes below one are refused, and large ones are not capped",
        "小于一的分页大小被拒绝，过大的却未设上限",
        "SEC-I09", "a page size of 1000000 must be refused or capped",
    ),
    fault(
        "http.smuggling",
        "The first of two lengths counts, and the rest is read as the next request",
        "以两个长度中的第一个为准，余下部分被当作下一个请求",
        "SEC-I07", "with two different lengths, the short one first must not be answered",
    ),
    fault(
        "http.coding-ignored",
        "Transfer codings that are not understood are ignored",
        "无法识别的传输编码被忽略",
        "SEC-I07", "with a transfer coding that nobody knows",
    ),
    fault(
        "http.host-optional",
        "Requests need no Host",
        "请求可不带 Host",
        "SEC-I07", "with no Host",
    ),
    fault(
        "openapi.required-ignored",
        "A missing required member gets a default",
        "缺失的必填字段被静默填充默认值",
        "SEC-I10", "lacks the required member currency",
    ),
    Fault(
        "openapi.crash-on-extra",
        Text("An unknown member crashes the operation", "未知字段使操作崩溃"),
        (
            Trip("SEC-I10", "has a member that the document does not allow"),
            Trip("SEC-Z09", "must be accepted or refused cleanly"),
        ),
    ),
    fault(
        "openapi.syntax-crash",
        "A body that is not JSON crashes the operation",
        "非 JSON 请求体使操作崩溃",
        "SEC-I10.drawn", "a 5xx or no answer is never a refusal", "SEC-I04",
    ),
    fault(
        "openapi.undocumented-answer",
        "Answers are not those of the document",
        "应答与公布的文档不符",
        "SEC-I10.answers", "answers must be as documented",
    ),
    fault(
        "routes.method-undocumented",
        "A path answers to a method that nobody documented",
        "路径接受未公布的方法",
        "SEC-I06.document", "is not documented and must be refused",
    ),
)  # fmt: skip
