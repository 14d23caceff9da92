//! New identifiers in AWS's forms. They follow no order, as AWS's do not, but are the same in
//! each run.

/// Where identifiers come from.
#[derive(Debug, Default)]
pub(crate) struct Identifiers(u64);

impl Identifiers {
    /// Sixteen hexadecimal digits, for ARNs.
    pub(crate) fn hex16(&mut self) -> String {
        self.0 += 1;
        format!("{:016x}", mixed(self.0))
    }

    /// An identifier of EC2, as `sg-0123456789abcdef0`.
    pub(crate) fn ec2(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex16())
    }
}

/// `SplitMix64`: one-to-one, so that no two are equal.
fn mixed(number: u64) -> u64 {
    let mut it = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
