use super::*;

#[test]
fn defaults_survive_their_own_text() {
    let config = Config::default();
    assert_eq!(Config::read(&config.to_toml(), &[]).unwrap(), config);
}

#[test]
fn files_and_overrides_are_laid_over_the_defaults() {
    let text = "steps = 7\n[optim]\nlr = 1\n[data.mix.sources]\nnam = 0\n";
    let overrides = ["optim.lr=2e-4", "schedule.shape=warm-restarts", "name=x y", "data.size=96"];
    let config = Config::read(text, &overrides.map(String::from)).unwrap();
    assert_eq!((config.steps, config.optim.lr, config.optim.eps), (7, 2e-4, 1e-8));
    assert_eq!((config.name.as_str(), config.data.size), ("x y", 96));
    assert_eq!(config.schedule.shape, Shape::WarmRestarts);
    assert_eq!(config.data.mix.sources["nam"], 0.0);
}

#[test]
fn wrong_keys_and_values_are_named() {
    for (text, part) in [
        ("[optim]\nlearning_rte = 1", "the keys here are"),
        ("[optim]\nweight_deca = 1", "did you mean \"weight_decay\"?"),
        ("[optm]\nlr = 1", "did you mean \"optim\"?"),
        ("[optim]\nlr = \"fast\"", "lr"),
        ("[data]\nsize = 60", "data.size"),
        ("steps = 0", "steps"),
        ("precision = \"f16\"", "precision"),
        ("[model]\nwidth = 5", "even"),
        ("[data]\npatterns = [\"clean\", \"denoise\", \"clean\"]", "twice"),
        ("[data.mix.extra]\ndenois = 2", "\"denois\""),
    ] {
        let message = Config::read(text, &[]).unwrap_err().to_string();
        assert!(message.contains(part), "{text:?} gave {message:?}");
    }
    assert!(Config::read("", &["optim.lr".into()]).is_err());
}

#[test]
fn stages_take_over_at_their_first_step() {
    let text = "[[data.stages]]\nfrom = 10\nsize = 96\nper_pattern = 1";
    let config = Config::read(text, &[]).unwrap();
    assert_eq!([9, 10, 11].map(|step| config.crops(step)), [(64, 2), (96, 1), (96, 1)]);
}
