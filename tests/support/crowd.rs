//! Many hosts, each with a bridge of its own, to one server and with one login.

use serde_json::{Value, json};

use super::desk::Desk;
use super::talk::Talk;

/// The hosts, and the desk at which nobody is to be asked anything.
pub struct Crowd {
    pub desk: Desk,
    hosts: Vec<Talk>,
}

impl Crowd {
    /// So many hosts start their bridges at the same time and greet the server.
    pub fn start(desk: Desk, number: usize) -> Self {
        let hosts = (0..number).map(|_| Talk::start(desk.command(&["bridge", "box"]))).collect();
        let mut crowd = Self { desk, hosts };
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "host", "version": "1" },
        });
        crowd.ask("initialize", &params);
        crowd.hosts.iter_mut().for_each(|host| host.tell("notifications/initialized", &json!({})));
        crowd
    }

    /// The same, and all listen to what the server may say unasked: nothing but what the story does happens after this.
    pub fn settled(desk: Desk, number: usize) -> Self {
        let crowd = Self::start(desk, number);
        let all = number as u64;
        assert!(crowd.desk.world.sandbox.until(|books| books.streams_opened >= all), "not all listen");
        crowd
    }

    /// Everybody calls a tool twice at the same time, and nobody is told of any trouble.
    pub fn work(&mut self) {
        let asked = self.begin_work();
        self.end_work(asked);
    }

    /// Everybody calls it; what each has asked.
    pub fn begin_work(&mut self) -> Vec<[u64; 2]> {
        let call = json!({ "name": "echo", "arguments": { "text": "here" } });
        self.hosts.iter_mut().map(|host| [(); 2].map(|()| host.begin("tools/call", &call))).collect()
    }

    /// All of it is answered.
    pub fn end_work(&mut self, asked: Vec<[u64; 2]>) {
        for (host, asked) in self.hosts.iter_mut().zip(asked) {
            let mut open = asked.to_vec();
            while !open.is_empty() {
                let answer = host.next().unwrap();
                // Who was greeted before somebody had signed in hears afterwards what there is.
                if answer["method"].as_str().is_some_and(|method| method.ends_with("/list_changed")) {
                    continue;
                }
                assert_eq!(answer["result"]["content"][0]["text"], "here", "{answer}");
                open.retain(|id| answer["id"] != *id);
            }
        }
    }

    /// Everybody asks the same at the same time.
    fn ask(&mut self, method: &str, params: &Value) -> Vec<Value> {
        let asked: Vec<u64> = self.hosts.iter_mut().map(|host| host.begin(method, params)).collect();
        let answers = self.hosts.iter_mut().zip(asked).map(|(host, id)| host.answer(id));
        answers.inspect(|answer| assert!(answer["result"].is_object(), "{answer}")).collect()
    }

    /// The issuer was asked so often, nobody sent a token that was spent, and nobody had to sign in.
    pub fn cost(&self, refreshes: u64) {
        let books = self.desk.world.sandbox.books();
        assert_eq!((books.refresh_attempts, books.refreshes, books.reuses), (refreshes, refreshes, 0));
        assert!(books.families.iter().all(|family| family.alive), "{:?}", books.families);
        assert_eq!((books.codes_issued, self.desk.pages()), (1, Vec::new()));
    }

    /// Everybody ends as asked, without a word of complaint.
    pub fn end(self) -> Desk {
        let (desk, said) = self.farewells();
        assert!(said.iter().all(String::is_empty), "{said:?}");
        desk
    }

    /// Everybody ends as asked; what each has said on standard error.
    pub fn farewells(self) -> (Desk, Vec<String>) {
        let ends = self.hosts.into_iter().map(Talk::end);
        let said = ends.map(|(exit, said, _)| {
            assert_eq!(exit, 0, "{said}");
            said
        });
        (self.desk, said.collect())
    }
}
