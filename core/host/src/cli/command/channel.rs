//! `newleaf channel`: says which channel core and each app follow, and changes one.

use newleaf_domain::{Channel, Target};
use newleaf_update::view::ChannelView;

use super::Context;
use crate::cli::arguments::{ChannelArguments, Spoken};
use crate::cli::{Exit, show};
use crate::route::{ChannelRequest, ConsentWord, Problem};

pub(super) async fn run(
    context: Context<'_>,
    arguments: ChannelArguments,
) -> Result<Exit, Problem> {
    let ChannelArguments { target, channel, yes } = arguments;
    match (target, channel) {
        (Some(target), Some(channel)) => set(context, target, channel, yes.consent()).await,
        (target, _) => {
            let mut views: Vec<ChannelView> = context.door.get("/api/v1/channels").await?;
            if let Some(target) = target {
                views.retain(|view| view.target == target);
                if views.is_empty() {
                    return Err(Problem::unknown(&target));
                }
            }
            context.screen.show(|| show::channels(&views), &views);
            Ok(Exit::Done)
        }
    }
}

async fn set(
    context: Context<'_>,
    target: Target,
    channel: Channel,
    spoken: Spoken,
) -> Result<Exit, Problem> {
    let consent = match (channel.warning(), spoken) {
        (None, _) => ConsentWord::NotGiven,
        (Some(_), Spoken::Yes) => ConsentWord::Given,
        (Some(warning), Spoken::Nothing) => {
            context.screen.say(&format!("warning: {warning}"));
            let question = format!("Let {target} follow {channel}?");
            if context.screen.asks(&question) { ConsentWord::Given } else { ConsentWord::NotGiven }
        }
    };
    let request = ChannelRequest { target, channel, consent };
    let view: ChannelView = context.door.post("/api/v1/channel", &request).await?;
    context.screen.show(|| show::channel(&view), &view);
    Ok(Exit::Done)
}
