//! Rules that do not compile, and how the definition is refused.

use serde_json::{Value, json};

use super::{Differences, object, pools};
use crate::raw::Raw;

/// A rule on the object below, and what the compiler says of it.
const RULES: &[(&str, &str)] = &[
    (
        "contains(self.name, 'a')",
        "1:9: found no matching overload for 'contains' applied to '(string, string)'\n | contains(self.name, 'a')\n | ........^",
    ),
    (
        "self.siz > 1",
        "1:5: undefined field 'siz'\n | self.siz > 1\n | ....^",
    ),
    (
        "self.size == 'a'",
        "1:11: found no matching overload for '_==_' applied to '(int, string)'\n | self.size == 'a'\n | ..........^",
    ),
    (
        "self.name.startsWith(self.size)",
        "1:21: found no matching overload for 'startsWith' applied to 'string.(int)'\n | self.name.startsWith(self.size)\n | ....................^",
    ),
    (
        "size(self.size) > 1",
        "1:5: found no matching overload for 'size' applied to '(int)'\n | size(self.size) > 1\n | ....^",
    ),
    (
        "self.list.all(x, x > 1)",
        "1:20: found no matching overload for '_>_' applied to '(string, int)'\n | self.list.all(x, x > 1)\n | ...................^",
    ),
    (
        "self.list.exists(x, y == 'a')",
        "1:21: undeclared reference to 'y' (in container '')\n | self.list.exists(x, y == 'a')\n | ....................^",
    ),
    (
        "self.map.a == 'x'",
        "1:12: found no matching overload for '_==_' applied to '(int, string)'\n | self.map.a == 'x'\n | ...........^",
    ),
    (
        "self.any.x == 1",
        "1:9: undefined field 'x'\n | self.any.x == 1\n | ........^",
    ),
    (
        "foo(self.size)",
        "1:4: undeclared reference to 'foo' (in container '')\n | foo(self.size)\n | ...^",
    ),
    (
        "self.name.foo()",
        "1:14: undeclared reference to 'foo' (in container '')\n | self.name.foo()\n | .............^",
    ),
    (
        "self.size.all(x, true)",
        "1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.size.all(x, true)\n | ....^",
    ),
    (
        "!self.size",
        "1:1: found no matching overload for '!_' applied to '(int)'\n | !self.size\n | ^",
    ),
    (
        "self.list[0] == 1",
        "1:14: found no matching overload for '_==_' applied to '(string, int)'\n | self.list[0] == 1\n | .............^",
    ),
    (
        "self.name in self.map && 1 in self.list",
        "1:28: found no matching overload for '@in' applied to '(int, list(string))'\n | self.name in self.map && 1 in self.list\n | ...........................^",
    ),
    (
        "[1, 'a'].size() == 2",
        "1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() == 2\n | ....^",
    ),
    (
        "self.size ? true : false",
        "1:11: found no matching overload for '_?_:_' applied to '(int, bool, bool)'\n | self.size ? true : false\n | ..........^",
    ),
    (
        "has(self.size.x)",
        "1:4: type 'int' does not support field selection\n | has(self.size.x)\n | ...^",
    ),
    (
        "has(self)",
        "1:5: invalid argument to has() macro\n | has(self)\n | ....^",
    ),
];

/// A rule, which part of it is at fault, and how what is said of it starts and ends.
const PARTS: &[(&str, &str, &str, &str)] = &[
    (
        r#"{ "rule": "" }"#,
        "rule",
        "Required value: rule is not specified",
        "",
    ),
    (
        r#"{ "rule": "self.size" }"#,
        "rule",
        "",
        "cel expression must evaluate to a bool",
    ),
    (
        r#"{ "rule": "self.size ==" }"#,
        "rule",
        "",
        " | self.size ==\n | ............^",
    ),
    (
        r#"{ "rule": "true", "message": "a\nb" }"#,
        "message",
        "Invalid value: \"a\\nb\"",
        "must not contain line breaks",
    ),
    (
        r#"{ "rule": "true", "messageExpression": "1" }"#,
        "messageExpression",
        "",
        "messageExpression must evaluate to a string",
    ),
    (
        r#"{ "rule": "true", "reason": "Because" }"#,
        "reason",
        "Unsupported value: \"Because\"",
        "",
    ),
    (
        r#"{ "rule": "true", "fieldPath": ".nowhere" }"#,
        "fieldPath",
        "Invalid value: \".nowhere\"",
        "must be a valid path",
    ),
    (
        r#"{ "rule": "true", "optionalOldSelf": true }"#,
        "optionalOldSelf",
        "Invalid value: true",
        "may not be set if oldSelf is not used in rule",
    ),
];

#[tokio::test]
async fn a_rule_must_compile() {
    let (raw, mut differences) = (Raw::new(), Differences::default());
    let group = "compiled.example.dev";
    let at = "spec.validation.openAPIV3Schema.properties[spec]";
    let properties = || {
        json!({
            "size": { "type": "integer" },
            "name": { "type": "string" },
            "list": { "type": "array", "maxItems": 5, "items": { "type": "string", "maxLength": 5 } },
            "map": { "type": "object", "additionalProperties": { "type": "integer" } },
            "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        })
    };
    let prefix = "compilation failed: ERROR: <input>:";
    for (rule, why) in RULES {
        let mut spec = object(properties());
        spec["x-kubernetes-validations"] = json!([{ "rule": rule }]);
        let field = format!("{at}.x-kubernetes-validations[0].rule");
        // Go's JSON is safe within HTML.
        let shown = json!({ "Rule": rule })
            .to_string()
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        let start = format!("Invalid value: {}", &shown[..shown.len() - 1]);
        differences
            .refused(
                &raw,
                pools(group, spec),
                &field,
                &start,
                &format!("{prefix}{why}"),
            )
            .await;
    }
    for (rule, field, start, end) in PARTS {
        let rule: Value = serde_json::from_str(rule).unwrap();
        let mut spec = object(properties());
        spec["x-kubernetes-validations"] = json!([rule]);
        let field = format!("{at}.x-kubernetes-validations[0].{field}");
        differences
            .refused(&raw, pools(group, spec), &field, start, end)
            .await;
    }
    let mut apart = object(properties());
    apart["properties"]["list"]["items"]["x-kubernetes-validations"] =
        json!([{ "rule": "self == oldSelf" }]);
    let field = format!("{at}.properties[list].items.x-kubernetes-validations[0].rule");
    let why = "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[list]";
    differences
        .refused(
            &raw,
            pools(group, apart),
            &field,
            "Invalid value: \"self == oldSelf\"",
            why,
        )
        .await;
}
