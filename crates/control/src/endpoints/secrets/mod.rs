//! In the making.
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use crate::state::Control;
#[derive(Debug, Default)]
pub(crate) struct Attempts;
pub(super) fn router() -> OpenApiRouter<Arc<Control>> { OpenApiRouter::new() }
