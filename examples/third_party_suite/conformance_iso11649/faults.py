"""The defects that prove the checks."""

from conformance.sdk import Fault, Text, Trip

FAULTS = (
    Fault(
        "references.letters-refused",
        Text("References with letters are refused", "含字母的参考号被拒绝"),
        (Trip("RF-01", "must be accepted"),),
    ),
    Fault(
        "references.digits-unchecked",
        Text("Check digits are not computed", "不计算校验位"),
        (Trip("RF-02", "its check digits are wrong"),),
    ),
    Fault(
        "references.length-unchecked",
        Text("The length is not checked", "不检查长度"),
        (Trip("RF-03", "it has 26 characters"),),
    ),
)
