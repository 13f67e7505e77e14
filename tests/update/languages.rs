//! The same guest book in JavaScript and in Python, as their own tools make it: installed with
//! consent, called, updated with its data, and taken back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use newleaf_tests::build;
use newleaf_tests::process::Ran;
use newleaf_tests::skip::{all_tier, has_programs, skipped};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// A guest book and the tool that makes a component of it.
struct Book {
    /// The last part of its name, and of its folder's.
    short: &'static str,
    /// The programs that must be on the path.
    needs: &'static [&'static str],
    /// Installs the tool into the folder.
    install: fn(&Path) -> Ran,
    /// Makes `app.wasm` in the second folder, with the tool in the first.
    componentize: fn(&Path, &Path),
    /// The sentence of the consent.
    because: &'static str,
}

const JAVASCRIPT: Book = Book {
    short: "js",
    needs: &["node", "npm"],
    install: |tools| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(tools);
        Ran::of(npm.arg("@bytecodealliance/componentize-js@0.23.0"))
    },
    componentize: |tools, app| {
        let modules = app.join("node_modules");
        if !modules.exists() {
            std::os::unix::fs::symlink(tools.join("node_modules"), modules).unwrap();
        }
        Ran::ok(Command::new("node").arg("build.mjs").current_dir(app));
    },
    because: "because: It is written in JavaScript, whose whole interpreter is part of the app.",
};

const PYTHON: Book = Book {
    short: "py",
    needs: &["python3"],
    install: |tools| {
        let made = Ran::of(Command::new("python3").args(["-m", "venv"]).arg(tools));
        if made.code != 0 {
            return made;
        }
        let pip = tools.join("bin/pip");
        Ran::of(Command::new(pip).args(["install", "--quiet", "componentize-py==0.25.1"]))
    },
    componentize: |tools, app| {
        let mut tool = Command::new(tools.join("bin/componentize-py"));
        tool.args(["--wit-path", "wit", "--world", "app", "componentize", "app"]);
        Ran::ok(tool.args(["--output", "app.wasm"]).current_dir(app));
    },
    because: "because: It is written in Python, whose whole interpreter is part of the app.",
};

/// What the compiling child may take where the admin agreed, as the consent says it.
const ASKS: &str = "take up to a minute of processor time and 2 GiB to be prepared";

impl Book {
    fn id(&self) -> String {
        format!("acme/guestbook-{}", self.short)
    }

    /// The folder that holds its tool, installed at the first time; none where this machine cannot.
    fn tools(&self, test: &str) -> Option<PathBuf> {
        if !has_programs(test, self.needs) {
            return None;
        }
        let tools = build::target_folder().join("languages").join(self.short);
        let installed = tools.join("installed");
        if !installed.exists() {
            std::fs::create_dir_all(&tools).unwrap();
            let ran = (self.install)(&tools);
            if ran.code != 0 {
                let last = ran.stderr.lines().last().unwrap_or("it said nothing").to_owned();
                skipped(test, &format!("the language's tool, which cannot be installed: {last}"));
                return None;
            }
            std::fs::write(installed, "").unwrap();
        }
        Some(tools)
    }

    /// The package of a release, made in a copy of its folder as the author's guide says.
    fn package(&self, tools: &Path, version: &str) -> PathBuf {
        let name = format!("guestbook-{}", self.short);
        let folder = build::target_folder().join("languages").join(format!("{name}-{version}"));
        let source = build::source_root().join("tests/apps").join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        copy_files(&source, &folder);
        if version == "1.0.0" {
            copy_files(&source.join("first"), &folder);
        }
        let sdk = |arguments: &[&str]| {
            let mut sdk = Command::new(build::program("newleaf-sdk"));
            Ran::ok(sdk.args(arguments).current_dir(&folder))
        };
        sdk(&["wit"]);
        let began = Instant::now();
        (self.componentize)(tools, &folder);
        let took = began.elapsed().as_secs_f64();
        let built = sdk(&["--json", "build", "--component", "app.wasm"]).json();
        assert_eq!(built["findings"], serde_json::json!([]));
        println!("{name} {version}: {} bytes, componentized in {took:.1} s", built["length"]);
        folder.join(format!("{name}-{version}.zip"))
    }

    /// The names and words in the book, newest first.
    fn entries(&self, host: &Host) -> Vec<String> {
        let answer = host.get(&format!("/apps/{}/", self.id()));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let lines = answer.body.lines().filter_map(|line| line.strip_prefix("<li>"));
        lines.map(|line| line.trim_end_matches("</li>").to_owned()).collect()
    }

    fn sign(&self, host: &Host, form: &str) {
        let path = format!("/apps/{}/", self.id());
        let answer = host.post_form(&path, form);
        assert_eq!((answer.status, answer.header("location")), (303, path.as_str()));
    }

    /// The whole story.
    fn live(&self, test: &str) {
        let Some(tools) = all_tier(test).then(|| self.tools(test)).flatten() else { return };
        let [first, second] = ["1.0.0", "2.0.0"].map(|version| self.package(&tools, version));
        let id = self.id();
        let world = World::new();
        world.registry.publish_core(CoreRelease::Stock);
        world.registry.publish_package(&first);
        let host = world.host("host", HostSettings::default());

        let asked = host.run(&["apps", "install", &id]).assert_code(3);
        for said in [ASKS, self.because] {
            assert!(asked.stderr.contains(said), "{said:?} is not in\n{}", asked.stderr);
        }
        timed(&format!("{id} 1.0.0 installed, compiled"), || {
            host.run(&["apps", "install", &id, "--yes"]).assert_code(0);
        });
        self.sign(&host, "name=Ada");
        self.sign(&host, "name=Grace+%3Cb%3E");
        assert_eq!(self.entries(&host), ["Grace &lt;b&gt;", "Ada"]);
        self.time_requests(&host);

        world.registry.publish_package(&second);
        host.run(&["check"]).assert_code(0);
        // Nothing is asked for that the admin has not agreed to.
        let plan = host.run(&["plan", &id]).assert_code(0);
        assert!(!plan.stdout.contains("asks for more"), "{}", plan.stdout);
        timed(&format!("{id} 2.0.0 rehearsed, compiled, migrated"), || {
            let ran = host.run(&["update", &id, "--yes"]).assert_code(0);
            for step in ["Rehearse on a copy of the data", "Migrate the data: schema 1 to 2"] {
                assert!(ran.stdout.contains(step), "{step:?} is not in\n{}", ran.stdout);
            }
        });
        assert_eq!(host.app_version(&id), "2.0.0");
        self.sign(&host, "name=Edsger&words=simplicity");
        assert_eq!(self.entries(&host), ["Edsger: simplicity", "Grace &lt;b&gt;", "Ada"]);

        host.run(&["rollback", &id, "--yes"]).assert_code(0);
        assert_eq!(host.app_version(&id), "1.0.0");
        assert_eq!(self.entries(&host), ["Edsger", "Grace &lt;b&gt;", "Ada"]);
    }

    fn time_requests(&self, host: &Host) {
        const REQUESTS: u32 = 50;
        let began = Instant::now();
        for _ in 0..REQUESTS {
            self.entries(host);
        }
        let each = began.elapsed().as_secs_f64() * 1_000.0 / f64::from(REQUESTS);
        println!("{}: {each:.1} ms a request, one after another", self.id());
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn timed(what: &str, work: impl FnOnce()) {
    let began = Instant::now();
    work();
    println!("{what} in {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn an_app_in_javascript_is_installed_called_migrated_and_taken_back() {
    JAVASCRIPT.live("an_app_in_javascript_is_installed_called_migrated_and_taken_back");
}

#[test]
fn an_app_in_python_is_installed_called_migrated_and_taken_back() {
    PYTHON.live("an_app_in_python_is_installed_called_migrated_and_taken_back");
}
