//! Services that ask the cloud for an address.

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Event, Service};

use super::look;
use crate::doctor::facts::{Balancer, Look};
use crate::error::Result;
use crate::kube::{Cluster, Pick};

/// Of so many that wait, the events are read.
const MOST_ASKED: usize = 10;

pub(super) async fn balancers(cluster: &Cluster, with_events: bool) -> Result<Look<Vec<Balancer>>> {
    let pick = Pick { fields: "spec.type=LoadBalancer", ..Pick::default() };
    let services = cluster.pages::<Service, Service>(pick).await;
    let services = look(services, cluster, "look at the Services of all namespaces")?;
    let Look::Seen(services) = services else { return Ok(Look::Refused) };
    let mut balancers: Vec<Balancer> = services.into_iter().map(balancer).collect();
    let waiting = balancers.iter_mut().filter(|one| with_events && one.has.is_empty()).take(MOST_ASKED);
    try_join_all(waiting.map(|one| async {
        one.says = says(cluster, &one.namespace, &one.name).await?;
        Ok(())
    }))
    .await?;
    Ok(Look::Seen(balancers))
}

fn balancer(service: Service) -> Balancer {
    let ingress = service.status.and_then(|status| status.load_balancer?.ingress).unwrap_or_default();
    Balancer {
        namespace: service.metadata.namespace.unwrap_or_default(),
        name: service.metadata.name.unwrap_or_default(),
        asks_for: service.spec.and_then(|spec| spec.load_balancer_ip),
        has: ingress.into_iter().filter_map(|ingress| ingress.ip.or(ingress.hostname)).collect(),
        since: service.metadata.creation_timestamp.map(|time| time.0),
        says: None,
    }
}

/// The newest warning about a Service; that there may be none to see is no error.
async fn says(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<String>> {
    let fields = format!("involvedObject.kind=Service,involvedObject.name={name},type=Warning");
    let pick = Pick { namespace: Some(namespace), fields: &fields, ..Pick::default() };
    let events = look(cluster.pages::<Event, Event>(pick).await, cluster, "look at the events of Services")?;
    let newest = events
        .seen()
        .and_then(|events| events.iter().max_by_key(|event| (event.last_timestamp.clone(), event.event_time.clone())));
    Ok(newest.and_then(|event| event.message.clone()))
}
