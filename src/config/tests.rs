use super::*;

const WHOLE: &str = "
clusterName: demo
providers:
- type: mock-cloud
  class: landfall.dev/mock-cloud
  default: true
  url: http://127.0.0.1:9090
  tokenFile: mock-cloud.token
";

fn faults(text: &str) -> Vec<String> {
    Config::parse(text, Path::new("/etc/landfall"))
        .unwrap_err()
        .0
}

#[test]
fn a_whole_configuration() {
    let config = Config::parse(WHOLE, Path::new("/etc/landfall")).unwrap();
    assert_eq!(config.cluster_name, "demo");
    let [provider] = config.providers.as_slice() else {
        panic!("one provider")
    };
    assert_eq!(provider.class.as_str(), "landfall.dev/mock-cloud");
    assert!(provider.default);
    assert_eq!(
        (provider.drift_interval, provider.sweep_after),
        (DRIFT_INTERVAL, SWEEP_AFTER)
    );
    let Backend::MockCloud {
        url,
        token_file,
        families,
    } = &provider.backend
    else {
        panic!("a mock cloud")
    };
    assert_eq!(url, "http://127.0.0.1:9090");
    assert_eq!(families, &[Family::IPv4]);
    assert_eq!(token_file, Path::new("/etc/landfall/mock-cloud.token"));
}

#[test]
fn a_printed_configuration_is_the_same_again() {
    let folder = Path::new("/etc/landfall");
    let config = Config::parse(WHOLE, folder).unwrap();
    let printed = serde_saphyr::to_string(&config).unwrap();
    assert_eq!(Config::parse(&printed, folder).unwrap(), config);
    insta::assert_snapshot!(printed, @"
        clusterName: demo
        providers:
        - type: mock-cloud
          url: http://127.0.0.1:9090
          tokenFile: /etc/landfall/mock-cloud.token
          families:
          - IPv4
          class: landfall.dev/mock-cloud
          default: true
          driftInterval: 1m
          sweepAfter: 10m
        ");
}

#[test]
fn families_are_named_in_any_order_and_each_once() {
    let text = |families: &str| format!("{WHOLE}  families: {families}\n");
    let folder = Path::new("/etc/landfall");
    let config = Config::parse(&text("[IPv6, IPv4]"), folder).unwrap();
    let backend = &config.providers[0].backend;
    assert!(matches!(backend, Backend::MockCloud { families, .. }
                if *families == [Family::IPv6, Family::IPv4]));
    let printed = serde_saphyr::to_string(&config).unwrap();
    assert_eq!(Config::parse(&printed, folder).unwrap(), config);
    for (families, expected) in [
        (
            "[]",
            "providers[0].families: must be a list of IPv4, IPv6 or both",
        ),
        (
            "IPv4",
            "providers[0].families: must be a list of IPv4, IPv6 or both",
        ),
        (
            "",
            "providers[0].families: must be a list of IPv4, IPv6 or both",
        ),
        (
            "[IPv4, ipv6]",
            "providers[0].families[1]: \"ipv6\" is not a family; there is: IPv4, IPv6",
        ),
        (
            "[4]",
            "providers[0].families[0]: 4 is not a family; there is: IPv4, IPv6",
        ),
        (
            "[IPv6, IPv6]",
            "providers[0].families[1]: IPv6 is named twice",
        ),
    ] {
        assert_eq!(faults(&text(families)), [expected], "{families}");
    }
}

#[test]
fn a_bare_metal_provider_needs_no_more_than_a_class() {
    let text = "
clusterName: demo
providers:
- type: bare-metal
  class: landfall.dev/bare-metal
  default: true
";
    let folder = Path::new("/etc/landfall");
    let config = Config::parse(text, folder).unwrap();
    let none = Backend::BareMetal { read_metallb: None };
    assert_eq!(config.providers[0].backend, none);
    let printed = serde_saphyr::to_string(&config).unwrap();
    assert_eq!(Config::parse(&printed, folder).unwrap(), config);
    assert_eq!(
        faults(&format!("{text}  url: http://h")),
        [
            "providers[0].url: is not known; there is: type, class, default, driftInterval, sweepAfter, readMetalLB"
        ]
    );
    let text = format!("{text}  readMetalLB: {{namespace: metallb-system}}\n");
    let config = Config::parse(&text, folder).unwrap();
    let read = Some(ReadMetalLb {
        namespace: "metallb-system".into(),
    });
    let backend = Backend::BareMetal { read_metallb: read };
    assert_eq!(config.providers[0].backend, backend);
    let printed = serde_saphyr::to_string(&config).unwrap();
    assert_eq!(Config::parse(&printed, folder).unwrap(), config);
    assert_eq!(
        faults(&text.replace("{namespace: metallb-system}", "{nampace: x}")),
        [
            "providers[0].readMetalLB.namespace: is missing",
            "providers[0].readMetalLB.nampace: is not known; there is: namespace"
        ]
    );
}

#[test]
fn all_faults_are_told_at_once_each_with_its_path() {
    let text = "
clusterNam: demo
providers:
- type: mock-cloud
  class: Not A Class
  default: maybe
  driftInterval: often
  url: localhost
- type: clouds
- type: mock-cloud
  class: a/b
  url: http://127.0.0.1:1
  tokenFile: t
  tokenfile: t
";
    insta::assert_snapshot!(faults(text).join("\n"), @r#"
        clusterName: is missing
        clusterNam: is not known; did you mean clusterName?
        providers[0].class: "Not A Class" is not a load balancer class such as example.com/name
        providers[0].default: must be true or false
        providers[0].driftInterval: must be a length of time such as 90s or 10m
        providers[0].url: "localhost" is not a URL such as http://127.0.0.1:9090
        providers[0].tokenFile: is missing
        providers[1].class: is missing
        providers[1].type: "clouds" is not a provider; there is: aws, bare-metal, mock-cloud
        providers[2].tokenfile: is not known; did you mean tokenFile?
        "#);
}

#[test]
fn what_providers_may_not_share() {
    let one = "{type: mock-cloud, class: a/b, default: true, url: 'http://h', tokenFile: t}";
    let text = format!("clusterName: demo\nproviders: [{one}, {one}]");
    insta::assert_snapshot!(faults(&text).join("\n"), @r"
        providers[1].class: a/b is the class of providers[0] already; each provider owns one
        providers[1].default: providers[0] is the default already; at most one provider is
        ");
}

#[test]
fn the_pools_of_a_cluster_have_one_provider() {
    let of = |class| format!("{{type: bare-metal, class: {class}, default: false}}");
    let text = format!(
        "clusterName: demo\nproviders: [{}, {}]",
        of("a/b"),
        of("a/c")
    );
    insta::assert_snapshot!(
        faults(&text).join("\n"),
        @"providers[1].type: providers[0] is bare-metal already; two would give the same addresses"
    );
}

#[test]
fn what_is_no_configuration_at_all() {
    for (text, expected) in [
        ("", "must be a mapping"),
        ("[1, 2]", "must be a mapping"),
        ("clusterName: [", "is not YAML"),
        ("clusterName: demo", "providers: is missing"),
        (
            "clusterName: demo\nproviders: []",
            "providers: needs at least one",
        ),
        ("clusterName: 'a b'\nproviders: []", "clusterName: \"a b\""),
        (
            "clusterName: 7\nproviders: []",
            "clusterName: must be a text",
        ),
    ] {
        let faults = faults(text);
        assert!(
            faults.iter().any(|f| f.contains(expected)),
            "{text:?}: {faults:?}"
        );
    }
}

#[test]
fn aws_finds_out_what_is_not_said() {
    let text = "clusterName: demo\nproviders:\n- {type: aws, class: landfall.dev/aws}\n";
    let folder = Path::new("/etc/landfall");
    let config = Config::parse(text, folder).unwrap();
    let [provider] = config.providers.as_slice() else {
        panic!("one provider")
    };
    assert_eq!(provider.drift_interval, DRIFT_INTERVAL_OF_AWS);
    let nothing = Backend::Aws {
        region: None,
        vpc_id: None,
        endpoint_url: None,
        takes_over: None,
    };
    assert_eq!(provider.backend, nothing);
    let whole = "clusterName: demo
providers:
- type: aws
  region: eu-west-1
  vpcId: vpc-0a
  endpointUrl: http://127.0.0.1:4566
  class: landfall.dev/aws
  default: false
  driftInterval: 7m
  sweepAfter: 10m
";
    let config = Config::parse(whole, folder).unwrap();
    assert_eq!(serde_saphyr::to_string(&config).unwrap(), whole);
}

#[test]
fn what_is_wrong_of_aws_is_told_at_once() {
    let text = "clusterName: demo
providers:
- {type: aws, class: landfall.dev/aws, region: 7, vpcId: web, endpointUrl: here, vpc: x}
";
    let faults = faults(text).join("\n");
    for says in [
        "region: must be a text",
        "vpcId",
        "vpc: is not known; there is: type",
    ] {
        assert!(faults.contains(says), "{says}: {faults}");
    }
}
