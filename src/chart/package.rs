//! A chart becomes a packed chart (`.tgz`) as helm makes one: the same files in the same order, the same header. Bytes come out;
//! whoever calls writes them.

use std::io::Write;

use flate2::{Compression, GzBuilder};

use super::Chart;

/// What helm writes into the header of its archives.
const HEADER: &[u8] = b"+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";
/// "Unknown", as Go says of every machine.
const SYSTEM: u8 = 255;

impl Chart {
    /// The name that helm gives the archive.
    #[must_use]
    pub fn archive_name(&self) -> String {
        format!("{}-{}.tgz", self.metadata.name, self.metadata.version)
    }

    /// Packs the chart. `time` is what its files say of when they were written, in seconds since 1970.
    ///
    /// # Errors
    /// With helm's message, when the chart is wrong.
    pub fn pack(&self, time: u64) -> Result<Vec<u8>, String> {
        self.metadata.clone().validate().map_err(|error| format!("chart validation: {error}"))?;
        let failed = |error: std::io::Error| error.to_string();
        let gzip = GzBuilder::new().extra(HEADER).comment("Helm").operating_system(SYSTEM);
        let mut tar = tar::Builder::new(gzip.write(Vec::new(), Compression::default()));
        self.add(&mut tar, "", time)?;
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(failed)
    }

    fn add<W: Write>(&self, tar: &mut tar::Builder<W>, prefix: &str, time: u64) -> Result<(), String> {
        let base = crate::tree::join(prefix, &self.metadata.name);
        let mut put = |name: &str, data: &[u8]| -> Result<(), String> {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_mtime(time);
            header.set_size(data.len() as u64);
            tar.append_data(&mut header, format!("{base}/{name}"), data).map_err(|error| error.to_string())
        };
        let mut metadata = self.metadata.clone();
        let first = metadata.api_version == "v1";
        if first {
            // They stand in requirements.yaml.
            metadata.dependencies = None;
        }
        put("Chart.yaml", metadata.to_yaml().as_bytes())?;
        if let Some(lock) = self.lock.as_ref().filter(|_| metadata.api_version == "v2") {
            put("Chart.lock", lock.to_yaml().as_bytes())?;
        }
        if let Some(text) = &self.values_text {
            put("values.yaml", text)?;
        }
        if let Some(schema) = &self.schema {
            if serde_json::from_slice::<serde::de::IgnoredAny>(schema).is_err() {
                return Err("Invalid JSON in values.schema.json".to_owned());
            }
            put("values.schema.json", schema)?;
        }
        for file in self.templates.iter().chain(&self.files) {
            put(&file.name, &file.data)?;
        }
        for held in &self.dependencies {
            held.add(tar, &format!("{base}/charts"), time)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::chart::{Chart, ChartFile};

    #[test]
    fn what_is_packed_is_read_again() {
        let long = format!("files/{}/{}", "a".repeat(120), "b".repeat(120));
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
            ("Chart.lock", "dependencies: []\ndigest: sha256:x\ngenerated: \"2026-01-01T00:00:00Z\"\n"),
            ("values.yaml", "# kept\na: 1\n"),
            ("templates/a.yaml", "x"),
            (long.as_str(), "y"),
            ("charts/b/Chart.yaml", "apiVersion: v1\nname: b\nversion: 0.1.0\n"),
            ("charts/b/requirements.yaml", "dependencies: []\n"),
        ];
        let files = files.map(|(name, text)| ChartFile::new(name, text.as_bytes())).to_vec();
        let chart = Chart::from_files(files, "a").unwrap();
        let bytes = chart.pack(0).unwrap();
        assert_eq!(bytes, chart.pack(0).unwrap());
        let again = Chart::load_archive("a", &bytes).unwrap();
        assert_eq!(again.values_text, chart.values_text);
        assert_eq!((&again.lock, &again.files, &again.metadata), (&chart.lock, &chart.files, &chart.metadata));
        assert_eq!(again.dependencies[0].files, chart.dependencies[0].files);
        let wrong = Chart { schema: Some(b"{".as_slice().into()), ..chart };
        assert_eq!(wrong.pack(0).unwrap_err(), "Invalid JSON in values.schema.json");
    }
}
