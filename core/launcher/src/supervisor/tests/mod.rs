//! The machine without processes: stories told to it event by event.

mod damage;
mod doubt;
mod interrupted;
mod matrix;
mod ordered;
mod respawn;
mod story;
mod succession;
mod update;

use std::fmt::Write as _;
use std::time::Duration;

use story::*;

use super::*;
use crate::journal::{Entry, Outcome, StepId, Unfinished};
use crate::proto::{Ask, Heir, Pulse, Repair};
use crate::sample;
use crate::state::{CorePhase, CoreSlot, State, Way};
