//! The provider that makes load balancers in the mock cloud.
