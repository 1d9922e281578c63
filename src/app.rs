//! Wiring: opens the cache, starts ingest, binds, serves, stops. It must hold no rule of any other room.
