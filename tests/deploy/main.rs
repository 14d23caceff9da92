//! What `deploy/` holds, tried on a real control plane: manifests, rights, and the program of the
//! image.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod audit;
mod grants;
mod image;
mod kinds;
mod manifests;
mod migrating;
mod plane;
mod tables;

use landfall_test_process as process;
