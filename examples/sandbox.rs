//! A sandbox in a program of your own: start one, talk to it through kube, stop it.
//!
//! `cargo run --example sandbox`
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use evenkeel::sandbox::{Options, Server};
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::discovery::ApiResource;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(([127, 0, 0, 1], 0).into(), Options::default()).await?;
    println!("serving at {}", server.url);

    let client = kube::Client::try_from(kube::Config::new(server.url.parse()?))?;
    let kind = kube::core::GroupVersionKind::gvk("", "v1", "ConfigMap");
    let maps: Api<DynamicObject> = Api::default_namespaced_with(client, &ApiResource::from_gvk(&kind));
    let map = DynamicObject::new("hello", &ApiResource::from_gvk(&kind));
    maps.create(&PostParams::default(), &map).await?;
    for found in maps.list(&ListParams::default()).await? {
        println!("{}", found.metadata.name.unwrap_or_default());
    }

    server.shutdown().await;
    Ok(())
}
