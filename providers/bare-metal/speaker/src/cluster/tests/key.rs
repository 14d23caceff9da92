//! What of a Secret is a key.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use landfall_bare_metal_l2::peers::Keys;
use landfall_bare_metal_resources::speaker::{KEY, NEXT, SHORTEST_KEY};

use crate::cluster::key::{NoKey, read};

fn secret(data: &[(&str, &[u8])]) -> Secret {
    let data = data.iter();
    let data = data.map(|(name, bytes)| ((*name).to_owned(), ByteString(bytes.to_vec())));
    Secret {
        data: Some(data.collect()),
        ..Secret::default()
    }
}

#[test]
fn a_key_that_is_too_short_is_none() {
    let (long, other, short) = ([1; SHORTEST_KEY], [2; SHORTEST_KEY], [1; SHORTEST_KEY - 1]);
    let id = |data: &[(&str, &[u8])]| read(&secret(data)).map(|it| it.id());
    assert_eq!(id(&[(KEY, &long)]), Ok(Keys::new(&long, None).id()));
    let both: [(&str, &[u8]); 2] = [(KEY, &long), (NEXT, &other)];
    assert_eq!(
        id(&both),
        Ok(Keys::new(&long, None).id()),
        "it signs with the first"
    );
    assert_eq!(id(&[(KEY, &short)]), Err(NoKey::Current));
    assert_eq!(id(&[(NEXT, &long)]), Err(NoKey::Current));
    assert_eq!(id(&[(KEY, &long), (NEXT, &short)]), Err(NoKey::Other));
    assert_eq!(
        read(&Secret::default()).map(|it| it.id()),
        Err(NoKey::Current)
    );
}
