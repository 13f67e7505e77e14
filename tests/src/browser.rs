//! A real Chromium, driven over `WebDriver`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tempfile::TempDir;

use crate::ports::own_port;
use crate::process::{Process, find_program};

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JavaScript {
    /// They may.
    On,
    /// They may not; the pages must work all the same.
    Off,
}

/// One browser window, and the driver and profile that end with it.
#[derive(Debug)]
pub struct Browser {
    /// The window.
    pub page: Client,
    _driver: Process,
    _profile: TempDir,
}

/// How long the browser is given to show what is waited for.
pub const SOON: Duration = Duration::from_secs(90);

impl Browser {
    /// Whether Chromium and its driver are installed.
    pub fn is_installed() -> bool {
        find_program(&["chromedriver"]).is_some() && find_program(&["chromium"]).is_some()
    }

    /// Opens an empty window.
    pub async fn open(javascript: JavaScript) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let port = own_port();
        let driver_program = find_program(&["chromedriver"]).expect("chromedriver is installed");
        let mut command = Command::new(driver_program);
        command.arg(format!("--port={port}")).env("TMPDIR", profile.path());
        let driver = Process::start("chromedriver", &mut command);
        driver.wait_for_line("started successfully", Duration::from_secs(30));
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities(profile.path(), javascript))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}\n{}", driver.log()));
        page.set_window_size(1180, 900).await.unwrap();
        Self { page, _driver: driver, _profile: profile }
    }

    /// Waits until an element that matches `css` is there, and clicks it.
    pub async fn click(&self, css: &str) {
        self.wait_for(css).await.click().await.unwrap();
    }

    /// Waits until an element that matches `css` is there.
    pub async fn wait_for(&self, css: &str) -> Element {
        match self.page.wait().at_most(SOON).for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("no {css}: {error}\n{}", self.text().await),
        }
    }

    /// Waits until the page's text holds `part`.
    pub async fn wait_for_text(&self, part: &str) {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let text = self.text().await;
            if text.contains(part) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "never showed {part:?}:\n{text}");
            // The browser offers no signal for text that comes later; asking again is one.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The text of the page as a person sees it; empty while a page is being loaded.
    pub async fn text(&self) -> String {
        let Ok(body) = self.page.find(Locator::Css("body")).await else { return String::new() };
        body.text().await.unwrap_or_default()
    }

    /// Writes a picture of the window.
    pub async fn picture(&self, path: &Path) {
        let png = self.page.screenshot().await.unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, png).unwrap();
    }

    /// Closes the window.
    pub async fn close(self) {
        self.page.close().await.unwrap();
    }
}

fn capabilities(
    profile: &Path,
    javascript: JavaScript,
) -> serde_json::Map<String, serde_json::Value> {
    let scripts = if javascript == JavaScript::On { 1 } else { 2 };
    let options = json!({
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--force-device-scale-factor=1",
            format!("--user-data-dir={}", profile.display()),
        ],
        "prefs": { "profile.managed_default_content_settings.javascript": scripts },
    });
    let mut wanted = serde_json::Map::new();
    wanted.insert("goog:chromeOptions".to_owned(), options);
    wanted
}
