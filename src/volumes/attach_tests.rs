use serde_json::Value;

use super::super::KeptVolume;
use super::*;

fn kept() -> Kept {
    let claim = Claim { name: "claim-anna".into(), size: "10Gi".into(), class: Some("c".into()), ..Claim::default() };
    let volume = KeptVolume { name: "pv-1".into(), driver: None, handle: Some("0815".into()), policy: "Delete".into() };
    Kept { owner: claim.owner(), claim, volume }
}

fn a_volume(of: Option<(&str, &str)>, marked: bool) -> StandingVolume {
    let mut volume: Value = serde_json::json!({
        "metadata": {"name": "pv-1", "labels": {}},
        "spec": {"persistentVolumeReclaimPolicy": "Retain"},
    });
    if let Some((namespace, name)) = of {
        volume["spec"]["claimRef"] = serde_json::json!({"namespace": namespace, "name": name, "uid": "old"});
    }
    if marked {
        volume["metadata"]["labels"][marks::NAMESPACE] = "dhub".into();
    }
    read::standing_volume(serde_json::from_value(volume).unwrap())
}

fn a_claim(volume: &str, phase: &str) -> StandingClaim {
    let claim = serde_json::json!({
        "metadata": {"name": "claim-anna"}, "spec": {"volumeName": volume}, "status": {"phase": phase},
    });
    read::standing_claim(serde_json::from_value(claim).unwrap())
}

fn planned(claim: Option<&StandingClaim>, volume: Option<&StandingVolume>) -> Result<(Standing, bool), String> {
    step("dhub", &kept(), claim, volume).map(|step| (step.claim, step.marked)).map_err(|(why, _)| why)
}

#[test]
fn each_state_leads_to_the_volume_or_says_why_not() {
    let ours = Some(("dhub", "claim-anna"));
    let released = a_volume(ours, true);
    assert_eq!(planned(None, Some(&released)), Ok((Standing::Gone, true)));
    assert_eq!(planned(Some(&a_claim("", "Pending")), Some(&released)), Ok((Standing::Waits, true)));
    assert_eq!(planned(Some(&a_claim("pv-1", "Pending")), Some(&released)), Ok((Standing::Waits, true)));
    assert_eq!(planned(Some(&a_claim("pv-1", "Bound")), Some(&released)), Ok((Standing::Bound, true)));
    assert_eq!(planned(Some(&a_claim("pv-1", "Bound")), Some(&a_volume(ours, false))), Ok((Standing::Bound, false)));
    assert_eq!(planned(None, Some(&a_volume(None, false))), Ok((Standing::Gone, false)), "freed by hand");
    let why = |claim: Option<&StandingClaim>, volume: Option<&StandingVolume>| planned(claim, volume).unwrap_err();
    assert!(why(None, None).contains("is gone; in the cloud it was 0815"));
    assert!(why(None, Some(&a_volume(Some(("other", "x")), true))).contains("belongs to the claim x in other"));
    assert!(why(Some(&a_claim("pv-2", "Bound")), Some(&released)).contains("another volume, pv-2"));
    let mut ending = a_claim("pv-1", "Bound");
    ending.deleting = true;
    assert!(why(Some(&ending), Some(&released)).contains("being deleted"));
    let mut leaving = a_volume(ours, true);
    leaving.deleting = true;
    assert!(why(None, Some(&leaving)).contains("being deleted"));
}

#[test]
fn nothing_to_do_is_known() {
    let attachment =
        |claim, marked| Attachment { namespace: "dhub".into(), steps: vec![Step { kept: kept(), claim, marked }] };
    assert!(attachment(Standing::Bound, false).is_empty());
    assert!(attachment(Standing::Bound, false).lines().is_empty());
    for (claim, marked) in [(Standing::Bound, true), (Standing::Waits, false), (Standing::Gone, false)] {
        assert!(!attachment(claim, marked).is_empty());
        assert_eq!(attachment(claim, marked).lines().len(), 1);
    }
}

#[test]
fn a_claim_of_helms_keeps_its_owner_and_no_label_of_a_version() {
    let mut kept = kept();
    let labels = [("helm.sh/chart", "postgresql-0.1.0"), ("app.kubernetes.io/managed-by", "Helm"), ("component", "x")];
    kept.claim.labels = labels.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
    let all = claim_of(&kept);
    assert_eq!(all.metadata.labels.unwrap().len(), 3, "a claim of others stays as it was");
    kept.claim.annotations = [(RELEASE.to_owned(), "postgresql".to_owned())].into();
    let made = claim_of(&kept);
    assert_eq!(made.metadata.labels.unwrap().into_keys().collect::<Vec<_>>(), ["app.kubernetes.io/managed-by"]);
    assert_eq!(made.metadata.annotations.unwrap()[RELEASE], "postgresql");
    let spec = made.spec.unwrap();
    assert_eq!((spec.volume_name.as_deref(), spec.storage_class_name.as_deref()), (Some("pv-1"), Some("c")));
}
