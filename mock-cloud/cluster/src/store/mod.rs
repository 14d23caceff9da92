//! The objects, and the log of what happened to them. Owns revisions, the bounded event log of
//! each kind and the signal that something was appended; it never looks into an object beyond
//! its metadata and never judges a write.

mod kinds;
mod log;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use self::kinds::Kinds;
pub(crate) use self::kinds::group_versions;
use self::log::Log;
pub(crate) use self::log::{Change, Event};
use crate::patch::Managers;
use crate::resource::{self, Kind, Resource};
use crate::service::Allocations;

/// How many events of one kind are kept for watches that resume.
pub(crate) const LOG_CAPACITY: usize = 4096;

/// Where an object is: its namespace (empty for cluster-scoped kinds) and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Namespace, or empty.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

impl Key {
    /// A key.
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key in an object's metadata.
    pub(crate) fn of(value: &Value) -> Self {
        let metadata = &value["metadata"];
        Self::new(
            metadata["namespace"].as_str().unwrap_or_default(),
            metadata["name"].as_str().unwrap_or_default(),
        )
    }
}

/// One version of one object. Never changed once stored.
#[derive(Debug)]
pub(crate) struct Object {
    /// The whole object, in its stored form.
    pub(crate) value: Value,
    /// Its resourceVersion.
    pub(crate) revision: u64,
    /// Who set which field.
    pub(crate) managers: Arc<Managers>,
    json: OnceLock<Bytes>,
}

impl Object {
    /// An object that is not (yet) in a store.
    pub(crate) fn new(value: Value, revision: u64, managers: Arc<Managers>) -> Self {
        Self {
            value,
            revision,
            managers,
            json: OnceLock::new(),
        }
    }

    /// Its JSON, made once for all who ask.
    pub(crate) fn json(&self) -> Bytes {
        self.json
            .get_or_init(|| Bytes::from(self.value.to_string()))
            .clone()
    }

    /// Its key.
    pub(crate) fn key(&self) -> Key {
        Key::of(&self.value)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its namespace, or empty.
    pub(crate) fn namespace(&self) -> &str {
        self.value["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
    }

    /// Its UID.
    pub(crate) fn uid(&self) -> &str {
        self.value["metadata"]["uid"].as_str().unwrap_or_default()
    }

    /// Whether its deletion has been asked for.
    pub(crate) fn terminating(&self) -> bool {
        !self.value["metadata"]["deletionTimestamp"].is_null()
    }
}

#[derive(Debug)]
struct Table {
    objects: BTreeMap<Key, Arc<Object>>,
    log: Log,
    changed: watch::Sender<u64>,
}

/// All state of one cluster, behind one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct State {
    revision: u64,
    tables: Vec<Table>,
    kinds: Kinds,
    log_capacity: usize,
    uids: HashMap<String, Kind>,
    /// Cluster IPs and node ports in use.
    pub(crate) allocations: Allocations,
}

impl Store {
    /// An empty store.
    pub(crate) fn new(log_capacity: usize) -> Self {
        let tables = Kind::FIXED.iter().map(|_| Table::new(log_capacity));
        Self {
            state: Mutex::new(State {
                revision: 1,
                tables: tables.collect(),
                kinds: Kinds::default(),
                log_capacity,
                uids: HashMap::new(),
                allocations: Allocations::default(),
            }),
        }
    }

    /// A resource that is served, by its path segments.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        match resource::find(group, version, plural) {
            Some(resource) => Some(resource.clone()),
            None => self.lock().kinds.find(group, version, plural),
        }
    }

    /// Every resource that is served, the fixed ones first.
    pub(crate) fn served(&self) -> Vec<Arc<Resource>> {
        self.lock().kinds.served()
    }

    /// Takes the lock. A panic of another holder left whole objects only, so its poison is void.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The revision of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    pub(crate) fn get(&self, kind: Kind, key: &Key) -> Option<&Arc<Object>> {
        self.tables[kind.index()].objects.get(key)
    }

    /// Whether an object with this UID exists, of any kind.
    pub(crate) fn has_uid(&self, uid: &str) -> bool {
        self.uids.contains_key(uid)
    }

    /// Every kind that there is.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.kinds.all()
    }

    /// The resource under which a kind is stored; none for a kind that is gone.
    pub(crate) fn resource(&self, kind: Kind) -> Option<Arc<Resource>> {
        self.kinds.resource(kind)
    }

    /// The kind that an apiVersion and a kind name.
    pub(crate) fn kind_named(&self, api_version: &str, kind: &str) -> Option<Kind> {
        self.kinds.named(api_version, kind)
    }

    /// The name of the definition that brought a kind.
    pub(crate) fn definition(&self, kind: Kind) -> Option<&str> {
        self.kinds.definition(kind)
    }

    /// The resource in whose version objects of a definition are stored.
    pub(crate) fn defined(&self, name: &str) -> Option<Arc<Resource>> {
        self.kinds.defined(name)
    }

    /// Serves what a definition defines: for each version a resource, and whether it is served.
    pub(crate) fn define(
        &mut self,
        name: &str,
        versions: impl FnOnce(Kind) -> Vec<(Arc<Resource>, bool)>,
    ) {
        let kind = self.kinds.define(name, versions);
        while self.tables.len() <= kind.index() {
            self.tables.push(Table::new(self.log_capacity));
        }
    }

    /// Stops serving what a definition defined: its watches end.
    pub(crate) fn undefine(&mut self, name: &str) {
        if let Some(kind) = self.kinds.undefine(name) {
            self.tables[kind.index()].changed = watch::Sender::new(self.revision);
        }
    }

    /// Changes how the objects of a kind are read. That is no write: revisions stay.
    pub(crate) fn reread(&mut self, kind: Kind, change: impl Fn(&mut Value)) {
        for object in self.tables[kind.index()].objects.values_mut() {
            let mut value = object.value.clone();
            change(&mut value);
            if value != object.value {
                let managers = object.managers.clone();
                *object = Arc::new(Object::new(value, object.revision, managers));
            }
        }
    }

    /// All objects of a kind, or those of one namespace, by key.
    pub(crate) fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Object>> {
        let start = Key::new(namespace.unwrap_or_default(), "");
        self.tables[kind.index()]
            .objects
            .range(start..)
            .take_while(move |(key, _)| namespace.is_none_or(|wanted| key.namespace == wanted))
            .map(|(_, object)| object)
    }

    /// All objects of a kind as they were at a revision; `None` when the log no longer knows.
    pub(crate) fn list_at(&self, kind: Kind, revision: u64) -> Option<Vec<Arc<Object>>> {
        let table = &self.tables[kind.index()];
        let mut objects = table.objects.clone();
        for event in table.log.after(revision)?.rev() {
            let key = event.object.key();
            match &event.previous {
                Some(previous) => objects.insert(key, previous.clone()),
                None => objects.remove(&key),
            };
        }
        Some(objects.into_values().collect())
    }

    /// Stores an object, new or changed, under the next revision.
    pub(crate) fn put(
        &mut self,
        kind: Kind,
        mut value: Value,
        managers: Arc<Managers>,
    ) -> Arc<Object> {
        let revision = self.next_revision(&mut value);
        let object = Arc::new(Object::new(value, revision, managers));
        let table = &mut self.tables[kind.index()];
        let previous = table.objects.insert(object.key(), object.clone());
        if previous.is_none() {
            self.uids.insert(object.uid().to_owned(), kind);
        }
        let change = match previous {
            Some(_) => Change::Modified,
            None => Change::Added,
        };
        table.append(kind, change, object.clone(), previous);
        object
    }

    /// Removes an object. `last` is how it looks in the event and in the answer.
    pub(crate) fn remove(&mut self, kind: Kind, mut last: Value) -> Arc<Object> {
        let revision = self.next_revision(&mut last);
        let object = Arc::new(Object::new(last, revision, Arc::default()));
        self.uids.remove(object.uid());
        if kind == Kind::Service {
            self.allocations.release_all(&object.value);
        }
        let table = &mut self.tables[kind.index()];
        let previous = table.objects.remove(&object.key());
        table.append(kind, Change::Deleted, object.clone(), previous);
        object
    }

    fn next_revision(&mut self, value: &mut Value) -> u64 {
        self.revision += 1;
        value["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.revision
    }

    /// Up to `max` events after a revision; `None` when the log no longer reaches back to it.
    pub(crate) fn events_after(
        &self,
        kind: Kind,
        revision: u64,
        max: usize,
    ) -> Option<Vec<Arc<Event>>> {
        let events = self.tables[kind.index()].log.after(revision)?;
        Some(events.take(max).cloned().collect())
    }

    /// The oldest revision that a watch of this kind may still start from.
    pub(crate) fn compacted(&self, kind: Kind) -> u64 {
        self.tables[kind.index()].log.compacted()
    }

    /// A signal that fires on every write of this kind.
    pub(crate) fn changes(&self, kind: Kind) -> watch::Receiver<u64> {
        self.tables[kind.index()].changed.subscribe()
    }

    /// Forgets all events up to now: watches that resume from before get 410.
    pub(crate) fn compact(&mut self) {
        for table in &mut self.tables {
            table.log.compact(self.revision);
        }
    }
}

impl Table {
    fn new(log_capacity: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            log: Log::new(log_capacity),
            changed: watch::Sender::new(0),
        }
    }

    fn append(
        &mut self,
        kind: Kind,
        change: Change,
        object: Arc<Object>,
        previous: Option<Arc<Object>>,
    ) {
        let revision = object.revision;
        self.log.push(Arc::new(Event {
            kind,
            change,
            object,
            previous,
        }));
        self.changed.send_replace(revision);
    }
}
