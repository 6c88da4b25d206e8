//! The counts of a server's connections.

use super::{ServerHandle, State};
use crate::admission::{AddressKey, Refusal};

/// The counts of a server's connections.
pub(crate) struct Roster<'a>(pub(super) &'a ServerHandle);

impl Roster<'_> {
    /// Takes a permit, unless there are too many; `address` is that of the client, if it is counted.
    pub(crate) fn admit(&self, address: Option<AddressKey>) -> Result<(), Refusal> {
        let mut state = self.0.lock();
        if state.carried >= self.0.options().limit() {
            return Err(Refusal::Full);
        }
        if let Some(address) = address {
            self.count(&mut state, address)?;
        }
        state.carried += 1;
        Ok(())
    }

    /// Counts the address of a client that has a permit, and whose address was not known before.
    pub(crate) fn admit_address(&self, address: AddressKey) -> Result<(), Refusal> {
        self.count(&mut self.0.lock(), address)
    }

    fn count(&self, state: &mut State, address: AddressKey) -> Result<(), Refusal> {
        let now = self.0.now().saturating_duration_since(self.0.0.start);
        state.addresses.admit(address, self.0.options().address_limits(), now)
    }

    /// Frees a permit, and its client's address if that was counted.
    pub(crate) fn release(&self, address: Option<AddressKey>) {
        let mut state = self.0.lock();
        state.carried -= 1;
        if let Some(address) = address {
            state.addresses.release(address);
        }
        drop(state);
        self.0.notify_ends();
    }

    /// Records that the handler of an opened connection has returned from its last call.
    pub(crate) fn finish(&self) {
        self.0.lock().handled -= 1;
        self.0.notify_ends();
    }
}
