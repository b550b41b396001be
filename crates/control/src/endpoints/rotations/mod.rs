//! `/v1/rotations`: what is replaced, and when; how a replacement is started, watched and steered.

mod abandon;
mod act;
mod advance;
mod approve;
mod attest;
mod calendar;
mod checklist;
mod draft;
mod evidence;
mod get;
mod guard;
mod hold;
mod impact;
mod list;
mod look;
mod promote;
mod resume;
mod rights;
mod roll_back;
mod said;
mod start;
mod traffic;
mod unattest;
mod view;
mod wire;
mod wish;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) use guard::{Release, being_replaced, overlays, release};

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, start::start))
        .routes(routes!(calendar::calendar))
        .routes(routes!(get::get))
        .routes(routes!(checklist::read))
        .routes(routes!(evidence::evidence))
        .routes(routes!(approve::approve))
        .routes(routes!(advance::advance))
        .routes(routes!(promote::promote))
        .routes(routes!(hold::hold))
        .routes(routes!(resume::resume))
        .routes(routes!(roll_back::roll_back))
        .routes(routes!(abandon::abandon))
        .routes(routes!(attest::attest))
        .routes(routes!(unattest::unattest))
}
