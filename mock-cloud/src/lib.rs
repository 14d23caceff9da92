//! The mock cloud: a load-balancer API with a real data plane and faults on demand.
