import subprocess
import unittest


class ReportTest(unittest.TestCase):
    def test_every_line_is_a_name_and_a_count(self):
        lines = subprocess.check_output(["app/inventory"], text=True).splitlines()
        self.assertEqual(3, len(lines))
        for line in lines:
            name, count = line.split()
            self.assertTrue(name.isalpha() and int(count) > 0, line)


if __name__ == "__main__":
    unittest.main()
